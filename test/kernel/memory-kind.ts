/** The kind of memory that the setups of tests make: plain, but where a test file asks for a shared one before it imports others. */
const chosen = { shared: false };

export const useSharedMemory = (): void => {
  chosen.shared = true;
};

/** Whether memories are to be shared. */
export const sharedMemory = (): boolean => chosen.shared;
