import { library } from '../../tsup.config.base.ts';

export default library(['src/index.ts', 'src/cli.ts', 'src/evaluation-worker.ts']);
