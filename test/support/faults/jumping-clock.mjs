// Loaded before an instance (`node --import`): its wall clock is off by as many ms as the file CLOCK_FILE says, from one moment to the next.
import { readFileSync } from 'node:fs';

const { CLOCK_FILE = '' } = process.env;
const RealDate = Date;
let offsetMs = 0;

setInterval(() => {
  offsetMs = Number(readFileSync(CLOCK_FILE, 'utf8'));
}, 100).unref();

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(Date.now());
    else super(...args);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};
