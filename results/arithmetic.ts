/**
 * Logarithm, exponential and the normal distribution from the four basic operations, which IEEE 754 defines to the bit:
 * what is drawn or decided by them is the same on every machine, as history/random.ts asks for.
 */
const LN2 = 0.693147180559945309417;

/** Natural logarithm of a positive number; relative error below 1e-14. */
export function ln(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  let m = x;
  let twos = 0;
  for (; m < 0.70710678118654752; m *= 2) twos--;
  for (; m >= 1.4142135623730951; m /= 2) twos++;
  // ln m = 2 artanh((m-1)/(m+1)), |t| <= 0.1716.
  const t = (m - 1) / (m + 1);
  const t2 = t * t;
  let term = t;
  let sum = 0;
  for (let k = 1; k < 25; k += 2) {
    sum += term / k;
    term *= t2;
  }
  return 2 * sum + twos * LN2;
}

/** e to the power of x; relative error below 1e-14 for |x| < 700. */
export function exp(x: number): number {
  if (x < -745) return 0;
  if (x > 709.7) return Number.POSITIVE_INFINITY;
  const twos = Math.round(x / LN2);
  const rest = x - twos * LN2; // |rest| <= 0.35
  let term = 1;
  let sum = 1;
  for (let k = 1; k < 18; k++) {
    term *= rest / k;
    sum += term;
  }
  const half = Math.trunc(twos / 2); // in two steps: 2^1024 is none, and yet its product may be
  return sum * 2 ** half * 2 ** (twos - half);
}

/** x to the power of y, for positive x. */
export function power(x: number, y: number): number {
  return exp(y * ln(x));
}

const SQRT_2_PI = 2.50662827463100050242;

/** P(Z > z) of the standard normal distribution; relative error below 1e-12. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = exp((-z * z) / 2) / SQRT_2_PI;
  if (z < 4) {
    // Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3*5) + …)
    let term = z;
    let sum = z;
    for (let k = 3; term > 1e-18 * sum; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  // phi(z) / (z + 1/(z + 2/(z + 3/(…)))), Laplace's continued fraction.
  let fraction = z;
  for (let k = 60; k > 0; k--) fraction = z + k / fraction;
  return density / fraction;
}

/** The z that a share `p` of the standard normal distribution lies above, for 0 < p < 1; to 1e-12. */
export function normalAbove(p: number): number {
  let low = -40;
  let high = 40;
  for (let i = 0; i < 100 && high - low > 1e-13; i++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
