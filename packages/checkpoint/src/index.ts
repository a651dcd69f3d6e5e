export type {
  Checkpoint,
  CheckpointTensor,
  CheckpointTensors,
  InitialSpec,
  Json,
  SamplerSpec,
} from './checkpoint.ts';
export { CheckpointVersionError, storing } from './errors.ts';
export { requireWritable } from './writable.ts';
export { writeCheckpoint } from './file.ts';
export {
  type CheckpointEntry,
  checkpointName,
  type FoundCheckpoint,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
} from './folder.ts';
