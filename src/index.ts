/** The package's interface: the embedded kernel, the loader, and the types that their methods take and give. Runs in browsers. */
export { Btf } from './btf/btf.ts';
export type { BtfInput, BtfValue } from './btf/value.ts';
export { loadPackagedBtf, PACKAGED_KERNEL, type Unpack } from './btf/vmlinux/index.ts';
export { createRuntime, type Engine, type Runtime, type RuntimeOptions } from './kernel/boot/runtime.ts';
export type { DupOptions, ProcessDoor } from './kernel/boot/door.ts';
export type { Snapshot } from './kernel/boot/snapshot.ts';
export type { RuntimeProgram } from './kernel/boot/runtime-program.ts';
export type { KernelMemory } from './kernel/mem/memory.ts';
export type { KernelName } from './kernel/rules/build.ts';
export { ALL_CAPS, type Caps } from './kernel/rules/prog-type.ts';
export type { Cpu } from './kernel/run/cpu.ts';
export type { HostPorts } from './kernel/run/env.ts';
export type { Invocation } from './kernel/run/invocation.ts';
export type { Accepted, Refused, VerifiedProgram, VerifierOutcome } from './kernel/verifier/result.ts';
export type { Attachment, HookPoint } from './kernel/world/hook-point.ts';
export type { NetDeviceSpec, Transmission, Wire } from './kernel/world/net/device.ts';
export { MissingTypes } from './kernel/world/layouts.ts';
export { StructError, type StructFault, type StructInput, type StructView } from './kernel/world/struct-view.ts';
export type { VirtualClockOptions } from './kernel/world/time/clock.ts';
export type { TimeEvent } from './kernel/world/time/event-queue.ts';
export type { ClockOption, WorldTime } from './kernel/world/time/time.ts';
export { EventError, type WorldEvent } from './kernel/world/replay.ts';
export type { EventTask } from './kernel/world/task/event-task.ts';
export type {
  PidNamespace,
  PidNamespaceSpec,
  UserNamespace,
  UserNamespaceSpec,
} from './kernel/world/task/namespaces.ts';
export type { PendingSignal, SignalSpec } from './kernel/world/task/signals.ts';
export type { AddressSpace, AreaSpec, UserBytes } from './kernel/world/user/address-space.ts';
export type { Task, TaskSpec } from './kernel/world/task/task.ts';
export type { Cgroup } from './kernel/world/cgroup/cgroup.ts';
export { UnknownTarget } from './kernel/world/trace/unknown-target.ts';
export type { World } from './kernel/world/world.ts';
export { Collection, type LoadOptions } from './lib/collection.ts';
export type { CollectionSpec } from './lib/collection-spec.ts';
export { BpfError, type BpfErrorInit } from './lib/errors.ts';
export type { EventOptions, EventReader, EventWait } from './lib/events.ts';
export type { AttachOptions } from './lib/attach/attach.ts';
export { type Link, type LinkInfo, type Links, openPinnedLink } from './lib/attach/link.ts';
export { openPinned, type OpenPinnedOptions } from './lib/pin/pin.ts';
export { openPinnedMap } from './lib/pin/pinned-map.ts';
export type { FileCalls, FileStat } from './uapi/files.ts';
export type { BatchResult, BpfMap, Descriptor } from './lib/map.ts';
export type { InnerTemplate } from './lib/load/map-creator.ts';
export type { Missing } from './lib/missing.ts';
export { type Loader, type Note, type NoteCode, type NotePlace, refusal } from './lib/notes.ts';
export { parseObject, type ParseOptions } from './lib/parse-object.ts';
export type { Program, ProgramInfo, TestRunInput, TestRunOutput } from './lib/program.ts';
export type { SectionTypes } from './lib/sections.ts';
export type { ExternSpec, FunctionSpec, MapSpec, ProgramSpec, VariableSpec } from './lib/spec.ts';
export type {
  BpfAttrs,
  BpfSyscall,
  BtfLoadAttr,
  IdAttr,
  InfoAttr,
  KernelTraits,
  LinkCreateAttr,
  LinkDetachAttr,
  LinkUpdateAttr,
  EnableStatsAttr,
  IterCreateAttr,
  ObjGetAttr,
  ProgAttachAttr,
  ProgBindMapAttr,
  ProgQueryAttr,
  ProgStreamReadAttr,
  TaskFdQueryAttr,
  TokenCreateAttr,
  MapBatchAttr,
  MapCreateAttr,
  MapElemAttr,
  MapFdAttr,
  ObjPinAttr,
  ProgLoadAttr,
  RawTracepointAttr,
  TestRunAttr,
} from './uapi/attr/attr.ts';
export { BPF_ATTACH_TYPE } from './uapi/attach-types.ts';
export { BPF_CMD } from './uapi/cmd.ts';
export { BPF_MAP_TYPE } from './uapi/map-types.ts';
export { BPF_PROG_TYPE } from './uapi/prog-types.ts';
export type { UserMemory } from './uapi/attr/decode.ts';
export type {
  ContextRun,
  EmbeddedProgram,
  MappedPages,
  PacketRunner,
  PacketRunnerOptions,
  PerfRing,
  PreparedPackets,
  VerifierStats,
} from './uapi/embedded.ts';
export { type AbortReason, FormatError, InternalError, NotSimulated, ProgramAbort } from './util/errors.ts';
