import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CaReport } from '../../api/ca-report.ts';
import type { Clock } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import type { Platform, RootMaterial, StoredRoots } from '../platform.ts';
import type { Authority } from './authority.ts';
import { type CaState, endOf, fromStored, PHASES, toStored } from './ca-state.ts';
import type { Issuer } from './issuer.ts';
import { reportOf } from './report.ts';
import { begin, nextStep, type Observed, type RotationSettings, type Step, steady } from './rotation.ts';

export interface RootRotationOptions {
  readonly platform: Pick<Platform, 'loadRoot' | 'replaceRoots' | 'publishRotation' | 'leadership'>;
  readonly authority: Authority;
  readonly settings: RotationSettings;
  readonly makeRoot: () => Promise<RootMaterial>;
  /** undefined: it is not known yet who there is */
  readonly observe: () => Omit<Observed, 'nowMs' | 'offered'> | undefined;
  /** absent: the roots are made here */
  readonly issuer?: Issuer;
  readonly clock: Clock;
  readonly log: Log;
}

const CHECK_MAX_MS = 10_000;
/** A lifetime is that many looks at the state, at least. */
const CHECKS_A_LIFETIME = 40;
const STEPS_MAX = 8;
/** How often an issuer is asked with which root it signs, if nobody else asked. */
const PROBES_A_LIFETIME = 8;

/**
 * Follows the stored state of the authority, and as leader moves it. Each step is one write of the whole state,
 * refused when somebody else has written since: whoever is killed between two steps is followed by a leader that
 * reads the same and does the next.
 */
export class RootRotation {
  readonly #options: RootRotationOptions;
  #state: CaState | undefined;
  #adopted: string | undefined;
  #waitingFor: readonly string[] = [];
  #published: string | undefined;
  #problem: string | undefined;
  #running = false;
  #stopped = false;
  #cancel: () => void = () => {};

  constructor(options: RootRotationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.platform.leadership.onChange(() => void this.#run());
    void this.#run();
  }
  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  metrics(): Record<string, number> {
    const { issuer, authority } = this.#options;
    const ofIssuer = issuer && { ...issuer.metrics(), weft_operator_issuer_held: Number(authority.isHeld) };
    if (this.#state === undefined) return { ...ofIssuer };
    const { phase, issuing, rotateAtMs } = this.#state;
    return {
      ...ofIssuer,
      weft_operator_root_rotation_phase: PHASES.indexOf(phase),
      weft_operator_root_rotation_waiting: this.#waitingFor.length,
      weft_operator_root_rotation_due_timestamp_seconds: rotateAtMs / 1000,
      weft_operator_root_end_timestamp_seconds: endOf(issuing.certificate) / 1000,
    };
  }

  /** Reads the state, and takes every step that can be taken now. Never rejects. */
  async look(): Promise<void> {
    try {
      for (let steps = 0; steps < STEPS_MAX && (await this.#once()); steps++) await nextTurn();
      this.#problem = undefined;
    } catch (error) {
      this.#complain(describeError(error));
    }
  }

  async #run(): Promise<void> {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#cancel();
    await this.look();
    this.#running = false;
    if (this.#stopped) return;
    const { clock, settings } = this.#options;
    const delayMs = Math.min(CHECK_MAX_MS, settings.leafLifetimeMs / CHECKS_A_LIFETIME);
    this.#cancel = clock.after(delayMs, () => void this.#run());
  }

  /** True: something was written, and what is next may be due. */
  async #once(): Promise<boolean> {
    const { platform, settings, clock } = this.#options;
    // before the read: what was written meanwhile has not been seen
    const seenMs = clock.unixMs();
    const stored = await platform.loadRoot();
    if (stored === undefined) throw new Error('the roots are gone; those that are known here stay in use');
    const state = fromStored(stored);
    if (state !== undefined) await this.#adopt(state, stored, seenMs);
    if (!platform.leadership.isLeader) return false;
    if (state === undefined) return this.#write(steady(stored, settings, clock.unixMs()), stored);
    this.#probe();
    const step = this.#step(state);
    if (step !== undefined && (await this.#take(step, state, stored))) return true;
    await this.#publish(state);
    return false;
  }

  /** In the background: what it answers is seen by the next look. */
  #probe(): void {
    const { issuer, authority } = this.#options;
    const { leafLifetimeMs, rootsInPem } = authority;
    if (issuer?.isSilentFor(leafLifetimeMs / PROBES_A_LIFETIME))
      void issuer.probe(leafLifetimeMs, rootsInPem);
  }

  #step(state: CaState): Step | undefined {
    const { observe, settings, clock, issuer } = this.#options;
    const observed = observe();
    // when nobody is known yet, nobody may be taken for everybody
    const holders = observed ?? { holders: new Map(), isComplete: false };
    return nextStep(state, settings, { ...holders, nowMs: clock.unixMs(), offered: issuer?.offered });
  }

  async #take(step: Step, state: CaState, stored: StoredRoots): Promise<boolean> {
    const { makeRoot, clock, settings, log } = this.#options;
    this.#waitingFor = step.kind === 'wait' ? step.missing : [];
    if (step.kind === 'wait') return false;
    if (step.kind === 'write') return this.#write(step.state, stored);
    const root = await makeRoot();
    if (step.why === 'due') return this.#write(begin(state, root, clock.unixMs()), stored);
    log.error({}, 'the root has ended: a new one takes over, and every certificate is issued anew');
    return this.#write(steady(root, settings, clock.unixMs(), state.serial), stored);
  }

  async #write(state: CaState, stored: StoredRoots): Promise<boolean> {
    const { platform, clock } = this.#options;
    const seenMs = clock.unixMs();
    const next = toStored(state, stored.revision);
    if (!(await platform.replaceRoots(next))) return false;
    this.#tell(state);
    await this.#adopt(state, next, seenMs);
    return true;
  }

  async #adopt(state: CaState, stored: StoredRoots, seenMs: number): Promise<void> {
    const { authority } = this.#options;
    const text = `${stored.certificate}${stored.rotation}`;
    if (text === this.#adopted) return authority.saw(seenMs);
    await authority.adopt(state, seenMs);
    this.#adopted = text;
    this.#state = state;
  }

  /** Best effort, and only when there is news: it is for people. */
  async #publish(state: CaState): Promise<void> {
    const { issuer, authority } = this.#options;
    const report: CaReport = reportOf(state, this.#waitingFor, issuer?.report(authority.isHeld));
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    if (text === this.#published) return;
    await this.#options.platform.publishRotation(text);
    this.#published = text;
  }

  #tell(state: CaState): void {
    const { log } = this.#options;
    const { phase, silent, serial } = state;
    log.info({ phase, serial }, `the root’s rotation: ${MEANINGS[phase]}`);
    if (silent.length > 0) {
      log.warn({ phase, silent }, `the root’s rotation goes on without ${silent.length} that did not answer`);
    }
  }

  /** Once, however often it is tried. */
  #complain(problem: string): void {
    if (this.#stopped || problem === this.#problem) return;
    this.#problem = problem;
    this.#options.log.warn(
      { error: problem },
      'the state of the root could not be followed; it is tried again',
    );
  }
}

const MEANINGS: Readonly<Record<CaState['phase'], string>> = {
  Steady: 'one root is trusted and signs',
  Distributing: 'a new root is trusted, and signs once everybody trusts it',
  Renewing: 'the new root signs; the old one is trusted until its last certificate has ended',
  Retiring: 'the old root is not trusted any more',
};
