/** Helpers that call back into the program: bpf_loop and bpf_for_each_map_elem. */
import { ERRNO } from '../../uapi/errno.ts';
import { mapElements } from '../maps/walk.ts';
import { Frames, type HelperMaker } from './frame.ts';
import { countCallback, loopRefusal } from '../run/loop-rules.ts';

/** The word in which callbacks of arrays find the index. */
const INDEX_SIZE = 8;

/** bpf_loop(nr_loops, callback, ctx, flags). The caller's frame serves the callback: its registers are dead here. */
export const loop: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const nr = f.u32(frame, 1);
    const slot = f.u32(frame, 2);
    const ctxLo = f.lo(frame, 3);
    const ctxHi = f.hi(frame, 3);
    const refused = loopRefusal(nr, f.lo(frame, 4), f.hi(frame, 4));
    if (refused < 0) return f.ret(frame, refused);
    for (let i = 0; i < nr; i++) {
      countCallback(env, env.cpu.stack);
      f.setArg(frame, 1, i);
      f.set64(frame, 2, ctxLo, ctxHi);
      env.invoke(slot, frame);
      if (f.lo(frame, 0) !== 0 || f.hi(frame, 0) !== 0) return f.ret(frame, i + 1);
    }
    f.ret(frame, nr);
  };
};

/** bpf_for_each_map_elem(map, callback, callback_ctx, flags): how many elements were visited. */
export const forEachMapElem: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const map = f.u32(frame, 1);
    const slot = f.u32(frame, 2);
    const ctxLo = f.lo(frame, 3);
    const ctxHi = f.hi(frame, 3);
    if (f.lo(frame, 4) !== 0 || f.hi(frame, 4) !== 0) return f.ret(frame, -ERRNO.EINVAL);
    const index = env.alloc(INDEX_SIZE);
    if (index === 0) return f.ret(frame, -ERRNO.ENOMEM);
    try {
      const elements = mapElements(env.mem.u32, map, env.cpu.id, index);
      if (elements === undefined) return f.ret(frame, -ERRNO.EINVAL);
      let visited = 0;
      for (const { key, value } of elements) {
        visited++;
        countCallback(env, env.cpu.stack);
        f.setArg(frame, 1, map);
        f.setArg(frame, 2, key);
        f.setArg(frame, 3, value);
        f.set64(frame, 4, ctxLo, ctxHi);
        env.invoke(slot, frame);
        if (f.lo(frame, 0) !== 0 || f.hi(frame, 0) !== 0) break;
      }
      f.ret(frame, visited);
    } finally {
      env.free(index);
    }
  };
};
