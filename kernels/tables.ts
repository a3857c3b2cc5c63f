import { BYTE_MASKS, FLOAT_TENS, FOURS, LIMBS, PAIRS, POWERS, SHIFTS, TENS, UNITS } from './layout';
import { QUADS } from './write-layout';

const limbs: i32 = 30;

/** Makes all tables; takes some 80 µs, once. */
export function makeTables(): void {
  memory.fill(BYTE_MASKS, 0xff, 16);
  // Loaded, since V8 makes a vector that is constant by three instructions.
  v128.store(UNITS, i16x8.splat(0x010a));
  v128.store(PAIRS, i32x4.splat(0x10064));
  v128.store(FOURS, i32x4.splat(0x12710));
  memory.fill(SHIFTS, 0xc0, 16);
  for (let place: usize = 0; place < 16; place++) store<u8>(SHIFTS + place, u8(place), 16);
  for (let number: u32 = 0; number < 10000; number++) {
    const first = (number / 1000) | (((number / 100) % 10) << 8);
    const last = ((number / 10) % 10) | ((number % 10) << 8);
    store<u32>(QUADS + (usize(number) << 2), first | (last << 16) | 0x30303030);
  }
  makePowers();
}

/**
 * Makes the tables of powers: of ten, and the 128 leading bits of each power of five from −342 to
 * 308, rounded as Eisel and Lemire's proof has it (Lemire 2021, "Number parsing at a gigabyte per
 * second"). Exact arithmetic of 960 bits.
 */
function makePowers(): void {
  for (let power: u64 = 1, at: usize = 0; at < 20; at++, power *= 10) {
    store<u64>(TENS + (at << 3), power);
  }
  for (let power: f64 = 1, at: usize = 0; at < 23; at++, power *= 10) {
    store<f64>(FLOAT_TENS + (at << 3), power);
  }
  memory.fill(LIMBS, 0, limbs * 4);
  store<u32>(LIMBS, 1);
  for (let power = 0; power <= 308; power++) {
    if (power > 0) multiplyByFive();
    storePower(power, 0);
  }
  // 2^959 / 5^k: dividing again what was rounded down gives what dividing at once gives.
  memory.fill(LIMBS, 0, limbs * 4);
  store<u32>(LIMBS + (limbs - 1) * 4, 1 << 31);
  for (let power = 1; power <= 342; power++) {
    divideByFive();
    storePower(-power, power <= 27 ? 1 : 0);
  }
}

function multiplyByFive(): void {
  let carry: u64 = 0;
  for (let at: usize = LIMBS; at < LIMBS + limbs * 4; at += 4) {
    carry += u64(load<u32>(at)) * 5;
    store<u32>(at, u32(carry));
    carry >>= 32;
  }
}

function divideByFive(): void {
  let rest: u64 = 0;
  for (let at: usize = LIMBS + (limbs - 1) * 4; at >= LIMBS; at -= 4) {
    rest = (rest << 32) | load<u32>(at);
    store<u32>(at, u32(rest / 5));
    rest %= 5;
  }
}

/** The leading 128 bits of the number in the limbs, plus `more`. Below and above it are zeros. */
function storePower(power: i32, more: u64): void {
  let top: i32 = limbs - 1;
  while (load<u32>(LIMBS + (usize(top) << 2)) == 0) top--;
  const length = (top << 5) + 32 - i32(clz(load<u32>(LIMBS + (usize(top) << 2))));
  const low = wordFrom(length - 128);
  let high = wordFrom(length - 64);
  if (low + more < low) high++;
  const at = POWERS + (usize(power + 342) << 4);
  store<u64>(at, low + more);
  store<u64>(at + 8, high);
}

/** The 64 bits from `bit` on. */
function wordFrom(bit: i32): u64 {
  const at = LIMBS + (bit >> 3);
  const shift = u64(bit & 7);
  return (load<u64>(at) >> shift) | ((u64(load<u8>(at, 8)) << 1) << (63 - shift));
}
