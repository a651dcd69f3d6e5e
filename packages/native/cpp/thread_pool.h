// A persistent pool of threads that shares out numbered tasks.
#pragma once
#include <cstddef>
#include <cstdint>

namespace srmcmc {

using TaskFunction = void (*)(void* context, int64_t task, int slot);

constexpr int kMaxThreads = 256;

/// Runs tasks 0 .. count - 1 in any order on all threads and returns when every one is done. `slot` numbers
/// the thread, 0 <= slot < slots, so that each can have its own scratch memory. Tasks must not throw.
/// While another thread of the program has the pool, the caller does its tasks alone; a patient one waits a moment first.
void run_tasks(int64_t count, TaskFunction function, void* context, int slots = kMaxThreads, bool patient = false);

int thread_count();
void set_thread_count(int count);

/// Scratch memory, 64-byte aligned, owned by the calling thread and kept between calls; `which` names one of a
/// few independent areas. Throws std::bad_alloc.
float* scratch(int which, size_t floats);
constexpr int kScratchAreas = 6;

}  // namespace srmcmc
