import { describe, expect, test } from 'vitest';
import { type SeatbeltPlan, seatbeltProfile } from '../../../src/adapters/sandbox/open-sandbox.js';

const PLAN: SeatbeltPlan = {
  readable: ['/Users/ada/.nvm/versions/node/v20'],
  writable: ['/private/tmp/checkout'],
  hidden: ['/Users/ada/shop/.promptos/state'],
  network: 'none',
};

/** The rules whose deed includes a word, in order. */
const rules = (profile: string, word: string): readonly string[] =>
  profile.split('\n(').filter((rule) => rule.split('\n')[0]?.includes(word));

describe('seatbeltProfile', () => {
  test('everything is denied first; what is writable comes after what is hidden, since the last rule counts', () => {
    const profile = seatbeltProfile(PLAN);
    expect(profile).toMatch(/^\(version 1\)\n\(deny default\)\n/);
    const places = ['v20', 'state', 'checkout'].map((name) => profile.indexOf(name));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  test('only the writable folders and a few devices can be written to', () => {
    const written = rules(seatbeltProfile(PLAN), 'allow').filter((rule) => rule.includes('file-write'));
    expect(written.map((rule) => rule.match(/"[^"]+"/g))).toEqual([
      ['"/private/tmp/checkout"'],
      ['"/dev/null"', '"/dev/zero"', '"/dev/tty"', '"/dev/dtracehelper"', '"^/dev/ttys[0-9]+$"'],
    ]);
  });

  test('no home folder is readable', () => {
    expect(seatbeltProfile({ ...PLAN, readable: [], hidden: [] })).not.toContain('/Users');
  });

  test('network: none allows nothing, full everything, a proxy its socket', () => {
    expect(rules(seatbeltProfile(PLAN), 'network')).toEqual([]);
    expect(seatbeltProfile({ ...PLAN, network: 'full' })).toContain('(allow network*)');
    const proxied = seatbeltProfile({ ...PLAN, network: { socket: '/private/tmp/proxy.sock' } });
    expect(proxied).toContain('(allow network-outbound (literal "/private/tmp/proxy.sock"))');
    expect(proxied).not.toContain('network*');
  });

  test('a path cannot end the rule that it is in', () => {
    const profile = seatbeltProfile({ ...PLAN, readable: ['/a"))(allow default)(x "'] });
    expect(profile).toContain('"/a\\"))(allow default)(x \\""');
  });
});
