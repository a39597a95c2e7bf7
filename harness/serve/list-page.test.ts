import { expect, test } from 'vitest';
import { askedFor, filterOf, listPage } from './list-page.ts';

const page = (query: string): string => {
  const asked = new URLSearchParams(query);
  const wanted = askedFor((name) => asked.get(name) ?? undefined);
  const { skip: _, limit: __, ...filter } = filterOf(wanted);
  return `${JSON.stringify(filter)}\n${listPage(wanted, [], [], { systems: ['a'], environments: [], branches: [] })}`;
};

test('a verdict that no run has is not asked for, and not shown as chosen', () => {
  expect(page('verdict=broken')).toContain('{"verdict":"broken"}');
  expect(page('verdict=broken')).toContain('<option value="broken" selected>');
  expect(page('verdict=nonsense')).toBe(page(''));
  expect(page('')).not.toContain('selected');
});
