// SPDX-License-Identifier: MIT
//
// Go's issue 7978: after a callback the saved sp and pc of the call to C must be those of before it, or a traceback made from another thread, or a
// collector, takes the dead frames of the callback for the green thread's. Four points: in C before the callback, in the callback, in C after
// it, and after the return; another thread looks each time. The callback uses 32 KiB of its stack first: half of it, far more than what else runs.
#include "tests/cpp/trace/steps.hpp"

namespace {

using namespace trace_test;
namespace sched = causeway::sched;
namespace trace = causeway::trace;

struct Points {
  std::atomic<int> at{0}, let_go{0};
  std::atomic<const sched::G*> outer{nullptr}, inner{nullptr};
  const void* outer_local = nullptr;

  void stay(int point) {
    at = point;
    while (let_go < point) std::this_thread::yield();
  }
};

[[gnu::noinline]] void the_callback(void* arg) {
  auto* points = static_cast<Points*>(arg);
  points->inner = sched::current_green();
  below(32 * 1024, [] {});
  points->stay(2);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void the_c_code(void* arg) {
  auto* points = static_cast<Points*>(arg);
  points->stay(1);
  CHECK(cw_enter(&the_callback, points) == CW_OK);
  points->stay(3);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void the_managed_code(Points* points) {
  int local = 0;
  points->outer_local = &local;
  points->outer = sched::current_green();
  CHECK(cw_call(CW_QUICK, &the_c_code, points) == CW_OK);
  points->stay(4);
  asm volatile("" ::"r"(&local) : "memory");
}

// What a look from another thread has found.
struct Look {
  const Points* points = nullptr;
  List list, inner_list;
  uintptr_t sp = 0, pc = 0;
  uintptr_t low = 0, high = 0;  // what is in use of the outer one's stack
  int segments = 0;

  void now() {
    const sched::G* g = points->outer;
    trace::walk_green(g, &list, {});
    if (points->at == 2) trace::walk_green(points->inner, &inner_list, {});
    sp = g->out.place();
    pc = g->out.pc;
    cw_world_visit(&Look::visit, this);
  }
  static int visit(const cw_segment* s, void* self) {
    auto* look = static_cast<Look*>(self);
    if (s->green_id != look->points->outer.load()->id || s->kind != CW_SEGMENT_USER) return 0;
    look->low = reinterpret_cast<uintptr_t>(s->sp);
    look->high = reinterpret_cast<uintptr_t>(s->high);
    ++look->segments;
    return 0;
  }
};

void check_points(Points& points) {
  Look looks[4];
  for (int i = 0; i < 4; ++i) {
    Look& look = looks[i];
    look.points = &points;
    CHECK(eventually([&] { return points.at == i + 1; }));
    CHECK(cw_world_run(kLimitNs, [](void* l) { static_cast<Look*>(l)->now(); }, &look) == CW_OK);
    points.let_go = i + 1;
    INFO("point " << i + 1);
    const auto lines = plain(lines_of(look.list));
    INFO(joined(lines));
    CHECK(in_order(lines, {"managed the_managed_code"}));
    CHECK(count_of(lines, "managed the_managed_code") == 1);
    CHECK(count_of(lines, "managed the_callback") == 0);  // it has a green thread of its own
    CHECK(count_of(lines, "> call out") == (i == 3 ? 0 : 1));
    CHECK(look.segments == 1);
    const auto local = reinterpret_cast<uintptr_t>(points.outer_local);
    CHECK(local >= look.low);
    CHECK(local < look.high);
    if (i == 3) {
      CHECK(look.sp == 0);
      continue;
    }
    CHECK(look.sp == looks[0].sp);
    CHECK(look.pc == looks[0].pc);
    CHECK(look.low <= look.sp);  // below it is what the function that went out keeps of its caller's registers
    CHECK(look.sp - look.low <= 256);
    if (i == 1) {
      const auto inner = plain(lines_of(look.inner_list));
      INFO(joined(inner));
      CHECK(in_order(inner, {"managed the_callback", "< call in", "C the_c_code", "> call out", "managed the_managed_code"}));
      CHECK(count_of(inner, "?") == 0);
    }
  }
}

TEST_CASE("issue7978: the saved place of a call to C is that of before the callback, on a worker") {
  Runtime runtime(2);
  Points points;
  auto task = causeway::spawn([&] { the_managed_code(&points); });
  check_points(points);
  task.join();
}

TEST_CASE("issue7978: the same on a host's thread, whose green thread runs a callback itself") {
  Runtime runtime(2);
  Points points;
  HostThread host([&] { CHECK(enter([&] { the_managed_code(&points); }) == CW_OK); });
  check_points(points);
}

}  // namespace
