import type { BackupPlace } from '../platform/config/variable-types.js';
import { isNotInstalled } from '../platform/not-installed.js';
import { FolderStore } from './folder-store.js';
import type { ObjectStore } from './object-store.js';
import { StorePackagesMissingError } from './object-store.errors.js';
import { type S3Packages, S3Store } from './s3-store.js';

/** Nothing is read or written yet. @throws StorePackagesMissingError */
export async function openObjectStore(place: BackupPlace): Promise<ObjectStore> {
  if (place.kind === 'folder') return new FolderStore(place.path);
  return new S3Store(await loadS3(), place, { pathStyle: hasEndpoint() });
}

/** @throws StorePackagesMissingError */
export async function loadS3(): Promise<S3Packages> {
  try {
    const [s3, storage] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')]);
    return { s3, storage };
  } catch (error) {
    if (isNotInstalled(error)) throw new StorePackagesMissingError();
    throw error;
  }
}

/**
 * Stores other than AWS's own often have no host name per bucket. The SDK reads these two variables itself, from the process
 * environment, together with its region and credentials.
 */
function hasEndpoint(): boolean {
  return [process.env['AWS_ENDPOINT_URL_S3'], process.env['AWS_ENDPOINT_URL']].some(Boolean);
}
