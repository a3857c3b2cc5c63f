import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker as createBreaker,
  type Fallback,
  fallback as createFallback,
  type FallbackOptions,
  retry as createRetry,
  type Retry,
  type RetryOptions,
  timeout as createTimeout,
  type Timeout,
  type TimeoutOptions,
} from '../resilience/index.ts';
import { isPolicy } from '../resilience/policy.ts';
import { checkGiven, checkPlace, type Method, type Place } from './method.ts';

/** Wraps a method that returns a promise; its type stays as it is. */
export type AsyncMethodDecorator = <This, A extends unknown[], R>(
  method: Method<This, A, Promise<R>>,
  context: ClassMethodDecoratorContext<This, Method<This, A, Promise<R>>>,
) => Method<This, A, Promise<R>>;

/** Wraps any method; a synchronous one stays so. */
export type MethodDecorator = <This, A extends unknown[], R>(
  method: Method<This, A, R>,
  context: ClassMethodDecoratorContext<This, Method<This, A, R>>,
) => Method<This, A, R>;

/** `@retry(options)`, or a policy made before; the method's calls share its statistics. */
export function retry(policy: Retry | RetryOptions = {}): AsyncMethodDecorator {
  checkGiven('retry', policy);
  return (method, context) => {
    checkPlace('retry', method, context);
    const made = isPolicy(policy) ? policy : createRetry(named(policy, context));
    return made.wrap(method);
  };
}

/** `@timeout(options)`, or a policy made before. */
export function timeout(policy: Timeout | TimeoutOptions): AsyncMethodDecorator {
  checkGiven('timeout', policy);
  return (method, context) => {
    checkPlace('timeout', method, context);
    const made = isPolicy(policy) ? policy : createTimeout(named(policy, context));
    return made.wrap(method);
  };
}

// By instance and name of the method: what one device does is no reason to refuse another.
const breakers = new WeakMap<object, Map<string | symbol, CircuitBreaker>>();

/**
 * `@circuitBreaker(options)`: each instance gets a breaker of its own, which `breakerOf` gives. A
 * breaker made before is shared by all instances.
 */
export function circuitBreaker(
  policy: CircuitBreaker | CircuitBreakerOptions = {},
): MethodDecorator {
  checkGiven('circuitBreaker', policy);
  return (method, context) => {
    checkPlace('circuitBreaker', method, context);
    if (isPolicy(policy)) return policy.wrap(method);
    const options = named(policy, context);
    // Made once to see now, and not at the first call, that the options are good.
    createBreaker(options);
    return wrappedByInstance(method, (instance, original) => {
      const breaker = createBreaker(options);
      const ofInstance = breakers.get(instance) ?? new Map<string | symbol, CircuitBreaker>();
      // A method that overrides another is called first, and hides the breaker of that.
      if (!ofInstance.has(context.name)) ofInstance.set(context.name, breaker);
      breakers.set(instance, ofInstance);
      return breaker.wrap(original);
    });
  };
}

/** The breaker of an instance's method; undefined before its first call. */
export function breakerOf(instance: object, method: string | symbol): CircuitBreaker | undefined {
  return breakers.get(instance)?.get(method);
}

/**
 * `@fallback(options)`: each instance is a key of its own, so that no device stands in for another,
 * unless `key` says what is. A policy made before is shared by all instances.
 */
export function fallback(policy: Fallback | FallbackOptions): MethodDecorator {
  checkGiven('fallback', policy);
  return (method, context) => {
    checkPlace('fallback', method, context);
    if (isPolicy(policy)) return policy.wrap(method);
    const options = named(policy, context);
    const shared = createFallback(options);
    if (options.key !== undefined) return shared.wrap(method);
    let instances = 0;
    return wrappedByInstance(method, (_instance, original) =>
      createFallback({ ...options, key: `${options.name}#${++instances}` }).wrap(original),
    );
  };
}

function wrappedByInstance<This, A extends unknown[], R>(
  method: Method<This, A, R>,
  wrap: (instance: object, method: Method<This, A, R>) => Method<This, A, R>,
): Method<This, A, R> {
  const wrapped = new WeakMap<object, Method<This, A, R>>();
  return function (...args) {
    // Called without an instance, as a function of its own, it is one for all such calls.
    const instance: object = Object(this) === this ? (this as object) : wrapped;
    let own = wrapped.get(instance);
    if (own === undefined) wrapped.set(instance, (own = wrap(instance, method)));
    return own.apply(this, args);
  };
}

/** The options with the method's name, where they have none. */
function named<O extends { readonly name?: string | undefined }>(options: O, { name }: Place): O {
  return { name: String(name), ...options };
}
