import { PipelineError } from '../errors.ts';
import { attributeRulesOf, type AttributeSchema } from './attribute.ts';
import { parametersOfClass } from './class-parameters.ts';
import { type ParameterList, parametersOf } from './describe.ts';
import type { Class } from './is-class.ts';
import { optionsOf } from './option-description.ts';

/**
 * The JSON Schema of an object with a class's attributes. Required are those that have no default, are
 * not `optional`, and that the constructor, where it has a parameter of that name, needs.
 */
export function jsonSchemaOf(component: Class): AttributeSchema {
  if (typeof component !== 'function') {
    throw new PipelineError({
      code: 'ERR_CONFIG_INVALID',
      place: 'jsonSchemaOf',
      fact: 'was given no class',
      remedy: 'give a class',
    });
  }
  const rules = [...attributeRulesOf(component)];
  const optional = new Set(
    parametersOfClass(component).parameters.flatMap((one) => (one.required ? [] : [one.name])),
  );
  const isRequired = ([name, { jsonSchema, isOptional }]: (typeof rules)[number]): boolean =>
    !('default' in jsonSchema || isOptional || optional.has(name));
  return {
    type: 'object',
    properties: Object.fromEntries(rules.map(([name, { jsonSchema }]) => [name, jsonSchema])),
    required: rules.filter(isRequired).map(([name]) => name),
    additionalProperties: false,
  };
}

/**
 * The parameters of a class's constructor with what the rules of attributes of the same names say of
 * them, and all other attributes that have rules.
 */
export function parametersWithAttributes(component: Class): ParameterList {
  const taken = parametersOfClass(component);
  const attributes = new Map(
    parametersOf(optionsOf(jsonSchemaOf(component))).map((one) => [one.name, one]),
  );
  if (attributes.size === 0) return taken;
  const parameters = taken.parameters.map((parameter) => {
    const attribute = attributes.get(parameter.name);
    attributes.delete(parameter.name);
    if (attribute === undefined) return parameter;
    return attribute.hasDefault ? attribute : { ...parameter, kind: attribute.kind };
  });
  return { ...taken, parameters: [...parameters, ...attributes.values()] };
}
