import { HASHED, HASH_SUMS } from './layout';

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;

/** Takes so many stripes of 32 bytes into the sums of XXH64. */
export function addStripes(count: i32): void {
  let a = load<u64>(HASH_SUMS);
  let b = load<u64>(HASH_SUMS, 8);
  let c = load<u64>(HASH_SUMS, 16);
  let d = load<u64>(HASH_SUMS, 24);
  const end = HASHED + (usize(count) << 5);
  for (let at = HASHED; at < end; at += 32) {
    a = round(a, load<u64>(at));
    b = round(b, load<u64>(at, 8));
    c = round(c, load<u64>(at, 16));
    d = round(d, load<u64>(at, 24));
  }
  store<u64>(HASH_SUMS, a);
  store<u64>(HASH_SUMS, b, 8);
  store<u64>(HASH_SUMS, c, 16);
  store<u64>(HASH_SUMS, d, 24);
}

function round(sum: u64, word: u64): u64 {
  return rotl<u64>(sum + word * PRIME_2, 31) * PRIME_1;
}
