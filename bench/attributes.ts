import {
  defineAttributes,
  defineAudited,
  nonEmptyString,
  oneOf,
  positiveInt,
  rangeFloat,
} from '../src/attributes/index.ts';
import type { Measure, Samples, Setting } from './lib/measure.ts';
import { type Outcome, perRecord, timeRounds } from './lib/rounds.ts';

type Format = 'json' | 'csv' | 'binary';

interface Config {
  sensorId: string;
  calibrationFactor: number;
  outputFormat: Format;
  bufferSize: number;
}

type ConfigClass = new () => Config;
type Loop = (configs: readonly Config[], turns: number) => number;

/** What validated and audited attributes cost, beside the accessors that compilers write. */
export const attributes: readonly Measure[] = [
  {
    id: 'attributes.get',
    title: 'reading a validated attribute',
    peer: 'an accessor that compilers write, with no check',
    unit: 'ns/call',
    target: { within: 1.1 },
    run: (setting) => measure('get', { ours: validated(), peer: plain() }, setting),
  },
  {
    id: 'attributes.set',
    title: 'setting a validated attribute',
    peer: 'an accessor that compilers write, with no check',
    unit: 'ns/call',
    target: { within: 5 },
    run: (setting) => measure('set', { ours: validated(), peer: plain() }, setting),
  },
  {
    id: 'attributes.audited.set',
    title: 'setting an audited attribute',
    peer: 'a validated one',
    unit: 'ns/call',
    target: { within: 4 },
    run: (setting) => measure('set', { ours: audited(), peer: validated() }, setting),
  },
];

function plain(): ConfigClass {
  return Plain;
}

function validated(): ConfigClass {
  class Validated {
    declare sensorId: string;
    declare calibrationFactor: number;
    declare outputFormat: Format;
    declare bufferSize: number;

    constructor() {
      this.sensorId = 's1';
      this.calibrationFactor = 1;
      this.outputFormat = 'json';
      this.bufferSize = 1024;
    }
  }
  return defineAttributes(Validated, {
    sensorId: nonEmptyString,
    calibrationFactor: rangeFloat(0.5, 2),
    outputFormat: oneOf(['json', 'csv', 'binary']),
    bufferSize: positiveInt,
  });
}

function audited(): ConfigClass {
  const names = ['sensorId', 'calibrationFactor', 'outputFormat', 'bufferSize'] as const;
  return defineAudited(validated(), names);
}

const configsHeld = 4;
const ids = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7', 'h8'];

/** Every attribute in a loop of its own, over a few objects; each turn sets another value. */
const loops: Readonly<Record<'get' | 'set', Readonly<Record<keyof Config, string>>>> = {
  set: {
    sensorId: 'config.sensorId = ids[turn & 7]',
    calibrationFactor: 'config.calibrationFactor = 0.5 + (turn & 15) / 16',
    outputFormat: 'config.outputFormat = formats[turn % 3]',
    bufferSize: 'config.bufferSize = 1 + (turn & 1023)',
  },
  get: {
    sensorId: 'sum += config.sensorId.length',
    calibrationFactor: 'sum += config.calibrationFactor',
    outputFormat: 'sum += config.outputFormat.length',
    bufferSize: 'sum += config.bufferSize',
  },
};

let made = 0;

/** A loop of its own for each class: compiled for both it would be fast for neither. */
function loopOf(statement: string): Loop {
  const text = `return (configs, turns) => {
    let sum = 0;
    for (let turn = 0; turn < turns; turn++) {
      for (let at = 0; at < configs.length; at++) {
        const config = configs[at];
        ${statement};
      }
    }
    return sum;
  } // ${++made}`;
  // oxlint-disable-next-line typescript/no-implied-eval -- the text is ours
  const make = new Function('ids', 'formats', text) as (...given: unknown[]) => Loop;
  return make(ids, ['json', 'csv', 'binary']);
}

async function measure(
  what: 'get' | 'set',
  sides: { readonly ours: ConfigClass; readonly peer: ConfigClass },
  { quick }: Setting,
): Promise<Samples> {
  const turns = quick ? 1000 : 250_000;
  const records = 4 * configsHeld * turns;
  const pass = (Side: ConfigClass) => {
    const configs = Array.from({ length: configsHeld }, () => new Side());
    const all = Object.values(loops[what]).map(loopOf);
    return async (): Promise<Outcome> => {
      let sum = 0;
      for (const loop of all) sum += loop(configs, turns);
      return { records, sum };
    };
  };
  const passes = { ours: pass(sides.ours), peer: pass(sides.peer) };
  const samples = await timeRounds(passes, { rounds: quick ? 3 : 31, warmupMs: quick ? 0 : 1000 });
  return perRecord(samples, records);
}

class Plain implements Config {
  #sensorId = 's1';
  #calibrationFactor = 1;
  #outputFormat: Format = 'json';
  #bufferSize = 1024;

  get sensorId(): string {
    return this.#sensorId;
  }
  set sensorId(value: string) {
    this.#sensorId = value;
  }
  get calibrationFactor(): number {
    return this.#calibrationFactor;
  }
  set calibrationFactor(value: number) {
    this.#calibrationFactor = value;
  }
  get outputFormat(): Format {
    return this.#outputFormat;
  }
  set outputFormat(value: Format) {
    this.#outputFormat = value;
  }
  get bufferSize(): number {
    return this.#bufferSize;
  }
  set bufferSize(value: number) {
    this.#bufferSize = value;
  }
}
