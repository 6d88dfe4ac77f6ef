import { Logger } from '@nestjs/common';

// Before each spec file: a spec that asserts log lines installs a `LogRecorder`, all others print nothing.
Logger.overrideLogger(false);
