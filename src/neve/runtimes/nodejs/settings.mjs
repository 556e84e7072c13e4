// What the environment variables say, read once; what a Lambda function would not see is taken out of them.

const FIRST_WITHOUT_CALLBACKS = 24;

/** Whether this is nodejs22.x or older. The identifier decides, not the version of the binary. */
export function hasCallbacks() {
  return majorOf(process.env.AWS_EXECUTION_ENV) < FIRST_WITHOUT_CALLBACKS;
}

/**
 * @returns {{callbacks: boolean, major: number, handler: string, leaks: 'off' | 'detect' | 'explain', watchdogMs?: number, taskRoot: string, runtimeDir: string, logFormat: {json: boolean, level?: string}}}
 */
export function readSettings() {
  const { env } = process;
  const leaks = env._NEVE_LEAKS ?? 'off';
  const watchdogMs = env._NEVE_WATCHDOG_MS && Number(env._NEVE_WATCHDOG_MS);
  for (const name of Object.keys(env)) {
    // No user's variable starts with an underscore, so the prefix is ours alone.
    if (name.startsWith('_NEVE_') || name === '_LAMBDA_TELEMETRY_LOG_FD') delete env[name];
  }
  return {
    callbacks: hasCallbacks(),
    major: majorOf(env.AWS_EXECUTION_ENV),
    handler: env._HANDLER ?? '',
    leaks,
    watchdogMs,
    taskRoot: env.LAMBDA_TASK_ROOT ?? process.cwd(),
    runtimeDir: env.LAMBDA_RUNTIME_DIR ?? '/var/runtime',
    logFormat: { json: env.AWS_LAMBDA_LOG_FORMAT === 'JSON', level: env.AWS_LAMBDA_LOG_LEVEL },
  };
}

function majorOf(executionEnvironment) {
  const match = /nodejs(\d+)/.exec(executionEnvironment ?? '');
  return Number(match ? match[1] : process.versions.node.split('.')[0]);
}
