/** What nodes say of themselves, asked past whatever cuts clients off. */
import type { Connection } from 'mysql2/promise';
import { MILLISECOND } from '../../history/clock.ts';
import type { NodeId, Sighting } from '../../history/operation.ts';
import type { Deployment } from '../environments/environment.ts';
import { KeptLines } from '../stores/asking.ts';
import { reachOf } from '../stores/client.ts';
import { type Course, sequenceOf, termOf, turnsOf } from './gtid.ts';
import { ask, close, open, type Row } from './line.ts';
import { GROUP, PORT } from './spec.ts';

const ANSWER_NS = 800 * MILLISECOND;

export interface Self extends Course {
  /** Takes writes. */
  readonly open: boolean;
  /** By which other nodes know it. */
  readonly address: string;
  /** Changes with each start. */
  readonly life: string;
  /** The last transaction that it has, applied or not. */
  readonly received: number;
  /** None: nobody told it whom to follow. */
  readonly follows?: Following;
  /** Of a primary: how many transactions were acknowledged without a replica's word, though one was to be waited for. */
  readonly unheard: number;
}

export interface Following {
  readonly address: string;
  /** It is connected to it. */
  readonly hears: boolean;
  /** It does not go on by itself, and would if it were told to. */
  readonly stopped?: true;
  /** It cannot go on: it has what its primary has not, or cannot apply what that sends. */
  readonly broken?: string;
}

const SELF = `SELECT @@read_only AS readOnly, @@report_host AS address, @@pid_file AS life, @@gtid_binlog_pos AS logged,
  @@gtid_slave_pos AS replicated, (SELECT GROUP_CONCAT(term, ':', node, ':', seq ORDER BY term) FROM tidemark.terms) AS turns;
SHOW SLAVE STATUS;
SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_no_tx';
SELECT @@read_only AS readOnly, (SELECT MAX(term) FROM tidemark.terms) AS term`;

/** Undefined: it changed while it was asked. */
export function selfOf([[said], [slave], [waited], [after]]: readonly (readonly Row[])[]): Self | undefined {
  const turns = turnsOf(said['turns'] as string | null);
  if (said['readOnly'] !== after['readOnly'] || Number(after['term']) !== termOf({ turns })) return undefined;
  const at = Math.max(sequenceOf(said['logged'] as string), sequenceOf(said['replicated'] as string));
  return {
    open: said['readOnly'] === 0,
    address: String(said['address']),
    life: String(said['life']),
    turns,
    at,
    received: slave === undefined ? at : Math.max(at, sequenceOf(slave['Gtid_IO_Pos'] as string | null)),
    ...(slave !== undefined && { follows: followingOf(slave) }),
    unheard: Number(waited?.['Value'] ?? 0),
  };
}

/** A replica of another history than its primary's is told so, and gives up (1236); what cannot be applied stops it too. */
function followingOf(slave: Row): Following {
  const stopped = slave['Slave_IO_Running'] === 'No' || slave['Slave_SQL_Running'] === 'No';
  const refused = Number(slave['Last_IO_Errno']) === 1236 && slave['Slave_IO_Running'] === 'No';
  const stuck = Number(slave['Last_SQL_Errno']) !== 0 && slave['Slave_SQL_Running'] === 'No';
  const why = refused ? slave['Last_IO_Error'] : slave['Last_SQL_Error'];
  return {
    address: String(slave['Master_Host']),
    hears: slave['Slave_IO_Running'] === 'Yes',
    ...(refused || stuck ? { broken: String(why) } : stopped && { stopped }),
  };
}

const lines = new KeptLines<Connection>(close);

/** Undefined: it did not answer in time, or with an error, or changed while it was asked. Whoever asks has a line of his own. */
export async function selfAt(
  cluster: Deployment,
  node: NodeId,
  asker = 'sight',
  withinNs: number = ANSWER_NS,
): Promise<Self | undefined> {
  const { clock } = cluster;
  return lines.ask(
    cluster,
    { node, asker, withinNs },
    (deadline) => open(clock, reachOf(cluster).aside(node, PORT), 'operator', deadline),
    async (connection, deadline) => selfOf(await ask(clock, connection, deadline, SELF)),
  );
}

/** Its term is the last turn that it has had word of. One that neither takes writes nor follows anybody waits for its operator. */
export async function sight(cluster: Deployment, node: NodeId): Promise<readonly Sighting[]> {
  const self = await selfAt(cluster, node);
  if (self === undefined) return [];
  const term = termOf(self);
  const at = { group: GROUP, history: term, at: self.at };
  const role = self.open ? 'leader' : self.follows === undefined ? 'candidate' : 'follower';
  return [{ node, role, term, commit: at, applied: at }];
}

/** One primary, and all others follow it. */
export async function lacks(cluster: Deployment): Promise<readonly string[]> {
  const found = await Promise.all(
    cluster.nodes.map(async (node) => {
      const self = await selfAt(cluster, node);
      if (self === undefined) return `${node} does not answer`;
      if (self.open) return '';
      if (self.follows === undefined) return `${node} follows nobody`;
      return self.follows.hears ? '' : `${node} does not hear its primary`;
    }),
  );
  return found.filter((sentence) => sentence !== '');
}
