import { type ClassFacts, type ComponentClass, defineClass } from '../core/define-class.ts';
import type { ComponentType } from '../core/index.ts';
import { checkClass, checkFacts } from './method.ts';

/** Describes a class of which the instances are what its type says; the class stays as it is. */
export type ComponentDecorator<T extends ComponentType> = <C extends ComponentClass<T>>(
  component: C,
  context: ClassDecoratorContext<C>,
) => void;

/**
 * `@register({ type, summary, options })` before a class gives it a static `describe()`, with which a
 * `PipelineRegistry` takes it. `defineClass` does the same without a compiler.
 */
export function register<const T extends ComponentType>(
  facts: ClassFacts<T>,
): ComponentDecorator<T> {
  checkFacts('register', facts);
  return (component, context) => {
    checkClass('register', component, context);
    defineClass(component, facts, context.name);
  };
}
