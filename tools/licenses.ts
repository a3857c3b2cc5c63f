/** The licenses of packages whose code is joined with ours, which go wherever that code goes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Package {
  readonly name: string;
  readonly directory: string;
}

/** The package that a module is of, by its path; undefined for one of ours. */
export function packageOf(path: string): Package | undefined {
  const [directory, name] = /^.*[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)/.exec(path) ?? [];
  return directory === undefined ? undefined : { name: name!.replace('\\', '/'), directory };
}

/** The license of each package that modules are of, as Markdown. */
export function licensesOf(modules: readonly string[]): string {
  const directories = modules.flatMap((path) => packageOf(path)?.directory ?? []);
  const licenses = [...new Set(directories)].map(licenseIn).sort();
  return `# Licenses\n\nMillrace holds code of these packages.\n\n${licenses.join('\n')}`;
}

function licenseIn(directory: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(directory, 'package.json'), 'utf8'),
  ) as { readonly name: string; readonly version: string; readonly license: string };
  const file = readdirSync(directory).find((other) => /^licen[cs]e/i.test(other));
  if (file === undefined) throw new Error(`${name} has no license to go with its code`);
  const text = readFileSync(join(directory, file), 'utf8').trim();
  return `## ${name} ${version} (${license})\n\n${text}\n`;
}
