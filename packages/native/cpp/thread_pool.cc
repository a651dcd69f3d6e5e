#include "thread_pool.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "memory.h"

namespace srmcmc {
namespace {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// One region of tasks at a time. A region has a number; a worker takes part in each region once.
struct Pool {
  std::mutex regionLock;  // held by the thread that started the region
  std::mutex sleepLock;
  std::condition_variable wake;
  std::atomic<uint64_t> region{0};
  std::atomic<int64_t> nextTask{0};
  std::atomic<int> busyWorkers{0};
  int64_t count = 0;
  TaskFunction function = nullptr;
  void* context = nullptr;
  int participants = 1;  // threads of this region, the caller included
  int workers = 0;       // threads started so far
  std::atomic<int> threads{0};

  void work(int slot) {
    for (int64_t task; (task = nextTask.fetch_add(1, std::memory_order_relaxed)) < count;)
      function(context, task, slot);
  }

  // Kernels follow one another within microseconds, so a worker spins for a moment before it sleeps.
  void wait_for_region(uint64_t seen) {
    const auto patience = std::chrono::microseconds(50);
    const auto start = std::chrono::steady_clock::now();
    do {
      for (int i = 0; i < 64; ++i) {
        if (region.load(std::memory_order_acquire) != seen) return;
        relax();
      }
    } while (std::chrono::steady_clock::now() - start < patience);
    std::unique_lock<std::mutex> lock(sleepLock);
    wake.wait(lock, [&] { return region.load(std::memory_order_acquire) != seen; });
  }

  void run(int64_t tasks, TaskFunction taskFunction, void* taskContext, int slots, bool patient) {
    std::unique_lock<std::mutex> owner(regionLock, std::try_to_lock);
    // Most regions take milliseconds. Long ones may go on for minutes: there is no use in waiting for the end of those.
    for (int waited = 0; patient && !owner.owns_lock() && waited < 50; ++waited) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      owner.try_lock();
    }
    const int available = threads.load(), wanted = available < slots ? available : slots;
    if (!owner.owns_lock() || wanted <= 1 || tasks <= 1) {
      // Another thread has the pool, or there is nothing to share: the caller does it alone.
      for (int64_t task = 0; task < tasks; ++task) taskFunction(taskContext, task, 0);
      return;
    }
    count = tasks;
    function = taskFunction;
    context = taskContext;
    participants = wanted;
    nextTask.store(0, std::memory_order_relaxed);
    while (workers < wanted - 1) {
      try {
        std::thread(&Pool::join_at, this, workers + 1, region.load()).detach();
      } catch (const std::system_error&) {
        break;  // the system grants no more threads: carry on with those there are
      }
      ++workers;
    }
    busyWorkers.store(workers, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(sleepLock);
      region.fetch_add(1, std::memory_order_release);
    }
    wake.notify_all();
    work(0);
    for (int spins = 0; busyWorkers.load(std::memory_order_acquire) != 0;) {
      relax();
      if (++spins % 1024 == 0) std::this_thread::yield();
    }
  }

  void join_at(int slot, uint64_t seen) {
    for (;;) {
      wait_for_region(seen);
      seen = region.load(std::memory_order_acquire);
      if (slot < participants) work(slot);
      busyWorkers.fetch_sub(1, std::memory_order_release);
    }
  }
};

int default_threads() {
  if (const char* text = std::getenv("SRMCMC_THREADS")) {
    const int wanted = std::atoi(text);
    if (wanted >= 1) return wanted < kMaxThreads ? wanted : kMaxThreads;
  }
  const int hardware = static_cast<int>(std::thread::hardware_concurrency());
  return hardware < 1 ? 1 : hardware < kMaxThreads ? hardware : kMaxThreads;
}

Pool* thePool = nullptr;

// Never destroyed: at exit the workers may still be asleep in it. A forked child has none of its parent's
// threads, so it starts over with a pool of its own.
Pool& pool() {
  static const bool made = [] {
    const auto make = [] {
      const int threads = thePool ? thePool->threads.load() : default_threads();
      thePool = new Pool;
      thePool->threads.store(threads);
    };
    make();
    pthread_atfork(nullptr, nullptr, +make);
    return true;
  }();
  (void)made;
  return *thePool;
}

struct Area {
  Block block{nullptr, 0};
  ~Area() { give_block(block); }
};
thread_local Area areas[kScratchAreas];

}  // namespace

void run_tasks(int64_t count, TaskFunction function, void* context, int slots, bool patient) {
  pool().run(count, function, context, slots, patient);
}

int thread_count() { return pool().threads.load(); }

void set_thread_count(int count) { pool().threads.store(count < 1 ? 1 : count < kMaxThreads ? count : kMaxThreads); }

float* scratch(int which, size_t floats) {
  Block& block = areas[which].block;
  if (block.bytes / sizeof(float) < floats) {
    if (floats > SIZE_MAX / 8) throw std::bad_alloc();
    give_block(block);
    block = {nullptr, 0};
    block = take_block(floats * sizeof(float));
  }
  return static_cast<float*>(block.data);
}

}  // namespace srmcmc
