import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { HttpException, HttpStatus, Injectable } from '@nestjs/common';

/** 32 MB and tenths of a second per hash. Source: OWASP Password Storage Cheat Sheet, scrypt. */
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };
const HASH_BYTES = 32;
/** Hashes computed at a time: each occupies a thread of Node's pool of four, which files and names need, too. */
const MAX_RUNNING = 2;
/** Sign-ins that wait for one; beyond that they are refused at once. */
const MAX_WAITING = 20;

const derive = promisify<string, Buffer, number, typeof COST, Buffer>(scrypt);

/** Hashes and compares passwords, a bounded number at a time. */
@Injectable()
export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private absent: Promise<string> | undefined;

  /** @returns `salt.hash`, each in base64url */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const hash = await this.derive(password, salt);
    return `${salt.toString('base64url')}.${hash.toString('base64url')}`;
  }

  /**
   * Whether it is the password, in constant time.
   *
   * @param stored undefined for a user that does not exist: takes as long, and is never it
   */
  async isSame(password: string, stored: string | undefined): Promise<boolean> {
    this.absent ??= this.hash(randomBytes(16).toString('hex'));
    const [salt = '', hash = ''] = (stored ?? (await this.absent)).split('.');
    const derived = await this.derive(password, Buffer.from(salt, 'base64url'));
    return timingSafeEqual(derived, Buffer.from(hash, 'base64url')) && stored !== undefined;
  }

  private async derive(password: string, salt: Buffer): Promise<Buffer> {
    await this.begin();
    try {
      return await derive(password.normalize('NFKC'), salt, HASH_BYTES, COST);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  /** The one that ends passes its place on. */
  private begin(): Promise<void> | void {
    if (this.running < MAX_RUNNING) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= MAX_WAITING)
      throw new HttpException('too many sign-ins at the same time: try again', HttpStatus.TOO_MANY_REQUESTS);
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
