// Sharing a lambda's calls out among the pool's threads.
#pragma once
#include "thread_pool.h"
#include "vector.h"

namespace {

template <class Body>
void parallel(int64_t tasks, Body& body, int slots = srmcmc::kMaxThreads, bool patient = false) {
  if (tasks == 1) return body(0, 0);
  srmcmc::run_tasks(
      tasks, [](void* context, int64_t task, int slot) { (*static_cast<Body*>(context))(task, slot); }, &body,
      slots, patient);
}

/// Calls body(begin, end) on pieces of [0, n) that depend on n alone; `grain` is a piece's size.
template <class Body>
void parallel_range(int64_t n, int64_t grain, Body&& body) {
  if (n <= 0) return;
  auto piece = [&](int64_t task, int) { body(task * grain, smaller(n, (task + 1) * grain)); };
  parallel(divide_up(n, grain), piece);
}

}  // namespace
