/** The file system of control groups (cgroup2): a directory for each. Their files, which tell of groups and change them, are not there. */
import { ERRNO } from '../../../uapi/errno.ts';
import { type Restore, type Saved, saveAll, saveMap } from '../../mem/saved.ts';
import type { Files } from '../fs/files.ts';
import type { Directory, FsType } from '../fs/inode.ts';
import type { Cgroup, Cgroups } from './cgroup.ts';

/** The usual place of the file system. */
const CGROUP_FS_PATH = '/sys/fs/cgroup';
const MODE = 0o755;

export class CgroupFs implements Saved {
  readonly #files: Files;
  readonly #cgroups: Cgroups;
  readonly #groups = new Map<Directory, Cgroup>();
  readonly #directories = new Map<Cgroup, Directory>();

  /** @param busy whether tasks are in a group */
  constructor(files: Files, cgroups: Cgroups, busy: (group: Cgroup) => boolean) {
    this.#files = files;
    this.#cgroups = cgroups;
    const type: FsType = {
      name: 'cgroup2',
      writable: false,
      directories: {
        make: (parent, name) => this.#mkdir(parent, name),
        remove: (directory) => this.#rmdir(directory, busy),
      },
    };
    const mount = files.mount(CGROUP_FS_PATH, type, MODE, Number(cgroups.root.id));
    if (typeof mount === 'number') throw new RangeError(`${CGROUP_FS_PATH} is no place to mount on`);
    this.#add(cgroups.root, mount.root);
    for (const group of cgroups.all) this.#made(group);
    cgroups.whenMade = (group) => this.#made(group);
  }

  /** The group of a directory: -EBADF of others, -ENOENT when the group was removed. */
  groupOf(directory: Directory): Cgroup | number {
    const group = this.#groups.get(directory);
    if (group === undefined) return -ERRNO.EBADF;
    return directory.dead ? -ERRNO.ENOENT : group;
  }

  #add(group: Cgroup, directory: Directory): void {
    this.#groups.set(directory, group);
    this.#directories.set(group, directory);
  }

  #made(group: Cgroup): void {
    if (this.#directories.has(group) || group.parent === undefined) return;
    const above = this.#directories.get(group.parent);
    if (above === undefined) return;
    const made = this.#files.addDirectory(above, group.name, { mode: MODE, number: Number(group.id) });
    // A process that makes one by mkdir(2) gets it.
    Object.assign(made, { uid: 0, gid: 0 });
    this.#add(group, made);
  }

  #mkdir(parent: Directory, name: string): number {
    const above = this.#groups.get(parent);
    if (above === undefined || parent.dead) return -ERRNO.ENOENT;
    if (name.includes('\n')) return -ERRNO.EINVAL;
    this.#cgroups.at(`${above.level === 0 ? '' : above.path}/${name}`);
    return 0;
  }

  #rmdir(directory: Directory, busy: (group: Cgroup) => boolean): number {
    const group = this.#groups.get(directory);
    if (group === undefined || group.level === 0) return -ERRNO.EBUSY;
    if (directory.entries.size > 0 || busy(group)) return -ERRNO.EBUSY;
    this.#cgroups.remove(group);
    return 0;
  }

  save(): Restore {
    return saveAll(
      [this.#groups, this.#directories].map((map: Map<unknown, unknown>) => ({ save: () => saveMap(map) })),
    );
  }
}
