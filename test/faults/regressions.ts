import type { Step } from './model.ts'

/** Histories on which the engine and its model once parted; each is played in every run. */
export const REGRESSIONS: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  [
    'a key revoked while its set is past staleness is told from another one of the same name',
    [
      { kind: 'publish', keys: [4, 1] },
      { kind: 'request', token: 0 },
      { kind: 'deliver' },
      { kind: 'deliver' },
      { kind: 'wait', seconds: 2400 },
      { kind: 'revoke', kid: 0 },
      { kind: 'ready-aborted' },
      { kind: 'publish', keys: [0] },
      { kind: 'deliver' },
      { kind: 'deliver' },
      { kind: 'request', token: 0 },
    ],
  ],
  [
    'a bad signature found after a wait is reported at the time it was found',
    [
      { kind: 'invented' },
      { kind: 'deliver' },
      { kind: 'deliver' },
      { kind: 'wait', seconds: 2400 },
      { kind: 'forged', kid: 0 },
      { kind: 'jump', seconds: -3 },
      { kind: 'fault', fault: 'truncated' },
    ],
  ],
  [
    'an attempt that fails at its first place is followed by a whole new one',
    [
      { kind: 'request', token: 0 },
      { kind: 'wait', seconds: 2400 },
      { kind: 'request', token: 0 },
    ],
  ],
  [
    'a clock set back refills the budget for unknown names, and no more than that',
    [
      { kind: 'request', token: 0 },
      { kind: 'deliver' },
      { kind: 'forged', kid: 1 },
      { kind: 'publish', keys: [4, 2] },
      { kind: 'deliver' },
      { kind: 'deliver' },
      { kind: 'request', token: 0 },
      { kind: 'jump', seconds: -65 },
      { kind: 'invented' },
      { kind: 'jump', seconds: 59 },
      { kind: 'deliver' },
      { kind: 'forged', kid: 0 },
      { kind: 'wait', seconds: 0.1 },
      { kind: 'deliver' },
      { kind: 'request', token: 0 },
      { kind: 'deliver' },
      { kind: 'wait', seconds: 0.9 },
      { kind: 'invented' },
    ],
  ],
  [
    'a clock set back while an attempt is under way does not open the schedule',
    [
      { kind: 'request', token: 0 },
      { kind: 'deliver' },
      { kind: 'deliver' },
      { kind: 'invented' },
      { kind: 'jump', seconds: -72 },
      { kind: 'fault', fault: 'network' },
      { kind: 'deliver' },
      { kind: 'request', token: 0 },
    ],
  ],
]
