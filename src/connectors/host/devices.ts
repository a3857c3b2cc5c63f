import { type Gauge, type Machine, Rates, readSystemFile } from './gauge.ts';

const sectorBytes = 512;

/** Room on the file system of the working directory, and on Linux the bytes each disk moves. */
export async function diskGauge(machine: Machine): Promise<Gauge> {
  const rates = new Rates(machine.clock);
  const counters = async (): Promise<Map<string, number>> =>
    parseDiskBytes((await readSystemFile(machine, '/proc/diskstats')) ?? '');
  rates.update(await counters());
  return {
    async read(take) {
      const { bytesTotal, bytesFree } = await machine.clock.hold(machine.files.space('.'));
      take('disk-free', bytesFree, 'B');
      if (bytesTotal > 0) take('disk-used-share', 100 * (1 - bytesFree / bytesTotal), '%');
      for (const [name, rate] of rates.update(await counters())) take(`disk-${name}`, rate, 'B/s');
    },
  };
}

// Partitions, and devices that are made of other devices or of memory, would count bytes twice.
const partOrCompound =
  /^(loop|ram|zram|dm-|md|sr|fd|nbd)|^(sd|vd|xvd|hd)[a-z]+\d+$|^(nvme\d+(c\d+)?n\d+|mmcblk\d+)(p|boot|rpmb)\d*/;

/** Columns 3, 6 and 10 of /proc/diskstats: name, sectors read, sectors written. */
function parseDiskBytes(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/);
    const name = columns[2];
    if (name === undefined || partOrCompound.test(name)) continue;
    bytes.set(`${name}-read`, Number(columns[5]) * sectorBytes);
    bytes.set(`${name}-written`, Number(columns[9]) * sectorBytes);
  }
  return bytes;
}

/** The bytes that each network interface moves; only Linux tells. */
export async function networkGauge(machine: Machine): Promise<Gauge | undefined> {
  const counters = async (): Promise<Map<string, number> | undefined> => {
    const text = await readSystemFile(machine, '/proc/net/dev');
    return text === undefined ? undefined : parseNetworkBytes(text);
  };
  const first = await counters();
  if (first === undefined) return undefined;
  const rates = new Rates(machine.clock);
  rates.update(first);
  return {
    async read(take) {
      for (const [name, rate] of rates.update((await counters()) ?? new Map()))
        take(`net-${name}`, rate, 'B/s');
    },
  };
}

/**
 * Lines `eth0: received packets … (8 columns) sent packets …`; those that never carried a byte are
 * left out.
 */
function parseNetworkBytes(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const line of text.split('\n').slice(2)) {
    const [name, columns] = line.split(':');
    const counts = columns?.trim().split(/\s+/).map(Number);
    if (counts === undefined || name!.trim() === 'lo') continue;
    const [received, sent] = [counts[0]!, counts[8]!];
    if (received === 0 && sent === 0) continue;
    bytes.set(`${name!.trim()}-received`, received);
    bytes.set(`${name!.trim()}-sent`, sent);
  }
  return bytes;
}

const placesMax = 32;

/** Temperatures, where the machine has sensors and tells; on Linux from /sys. */
export async function temperatureGauge(machine: Machine): Promise<Gauge | undefined> {
  const sensors = await findTemperatures(machine);
  if (sensors.size === 0) return undefined;
  return {
    async read(take) {
      for (const [sensorId, path] of sensors) {
        // Sensors of parts that sleep give an error or nothing.
        const text = (await readSystemFile(machine, path))?.trim() ?? '';
        if (text !== '' && Number.isFinite(Number(text))) take(sensorId, Number(text) / 1000, 'C');
      }
    },
  };
}

/** Hardware monitors tell more than thermal zones, which are taken where there are no monitors. */
async function findTemperatures(machine: Machine): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const add = (name: string, path: string): void => {
    const id = `temp-${name
      .trim()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')}`;
    let sensorId = id;
    for (let copy = 2; found.has(sensorId); copy++) sensorId = `${id}-${copy}`;
    found.set(sensorId, path);
  };
  const exists = async (path: string): Promise<boolean> =>
    (await machine.clock.hold(machine.files.facts(path))) !== undefined;
  for (let monitor = 0; monitor < placesMax; monitor++) {
    const folder = `/sys/class/hwmon/hwmon${monitor}`;
    const name = await readSystemFile(machine, `${folder}/name`);
    if (name === undefined) continue;
    for (let input = 1; input <= placesMax; input++) {
      const path = `${folder}/temp${input}`;
      if (!(await exists(`${path}_input`))) continue;
      const label = (await readSystemFile(machine, `${path}_label`)) ?? String(input);
      add(`${name.trim()} ${label}`, `${path}_input`);
    }
  }
  if (found.size > 0) return found;
  for (let zone = 0; zone < placesMax; zone++) {
    const folder = `/sys/class/thermal/thermal_zone${zone}`;
    const type = await readSystemFile(machine, `${folder}/type`);
    if (type !== undefined) add(type, `${folder}/temp`);
  }
  return found;
}
