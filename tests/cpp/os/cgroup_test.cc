// SPDX-License-Identifier: MIT
//
// Guards: a quota that is overlooked or misread, and a crash on text that is no quota. The files are a tree in a temporary folder.
#include "runtime/os/cgroup.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace causeway;
namespace cgroup = os::cgroup;

namespace {

class Tree {
 public:
  Tree() {
    char name[] = "/tmp/cw-cgroup-XXXXXX";
    if (mkdtemp(name) != nullptr) root_ = name;
  }
  ~Tree() { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  }
  unsigned limit() { return cgroup::cpu_limit((root_ + "/proc").c_str(), (root_ + "/fs").c_str()); }

 private:
  std::string root_;
};

}  // namespace

TEST_CASE("a quota is rounded up to whole CPUs") {
  CHECK(cgroup::cpus_of(100'000, 100'000) == 1);
  CHECK(cgroup::cpus_of(150'000, 100'000) == 2);
  CHECK(cgroup::cpus_of(200'000, 100'000) == 2);
  CHECK(cgroup::cpus_of(1'000, 100'000) == 1);
  CHECK(cgroup::cpus_of(0, 100'000) == cgroup::kNoLimit);
  CHECK(cgroup::cpus_of(100'000, 0) == cgroup::kNoLimit);
  CHECK(cgroup::cpus_of(UINT64_MAX, 1) == cgroup::kNoLimit);  // no machine has these
}

TEST_CASE("cpu.max is read; what is not one is no limit") {
  CHECK(cgroup::parse_cpu_max("150000 100000\n") == 2);
  CHECK(cgroup::parse_cpu_max("400000 100000") == 4);
  CHECK(cgroup::parse_cpu_max("max 100000\n") == cgroup::kNoLimit);
  for (const char* text :
       {"", "\n", " ", "max", "150000", "-1 100000", "150000 0", "x y", "1e5 100000", "99999999999999999999999 100000"}) {
    CAPTURE(text);
    CHECK(cgroup::parse_cpu_max(text) == cgroup::kNoLimit);
  }
}

TEST_CASE("the v1 pair is read; -1 is no limit") {
  CHECK(cgroup::parse_cfs("250000\n", "100000\n") == 3);
  CHECK(cgroup::parse_cfs("-1\n", "100000\n") == cgroup::kNoLimit);
  CHECK(cgroup::parse_cfs("", "") == cgroup::kNoLimit);
}

TEST_CASE("our path is found by controller, as a whole word") {
  const char* text = "12:cpuset:/set\n4:cpu,cpuacct:/a/b:c\n1:name=systemd:/s\n0::/user.slice/app\n";
  CHECK(cgroup::path_of(text, "") == "/user.slice/app");
  CHECK(cgroup::path_of(text, "cpu") == "/a/b:c");  // not cpuset; a colon belongs to the path
  CHECK(cgroup::path_of(text, "cpuset") == "/set");
  CHECK(cgroup::path_of(text, "memory").empty());
  CHECK(cgroup::path_of("0::/../other\n", "").empty());  // outside our namespace
  CHECK(cgroup::path_of("0::/a..b\n", "") == "/a..b");
  for (const char* bad : {"", ":", "::", "0", "0:", "0::", "0::relative", "\n\n"}) {
    CAPTURE(bad);
    CHECK(cgroup::path_of(bad, "").empty());
  }
}

TEST_CASE("the lowest limit on the way to the root counts") {
  Tree tree;
  tree.put("proc", "0::/a/b\n");
  tree.put("fs/a/b/cpu.max", "400000 100000\n");
  CHECK(tree.limit() == 4);
  tree.put("fs/a/cpu.max", "150000 100000\n");
  CHECK(tree.limit() == 2);
  tree.put("fs/cpu.max", "50000 100000\n");  // a container sees its own limit at the root
  CHECK(tree.limit() == 1);
  tree.put("fs/cpu.max", "max 100000\n");
  CHECK(tree.limit() == 2);
}

TEST_CASE("version 1 is read where version 2 is not, also when the path is the host's") {
  Tree tree;
  tree.put("proc", "4:cpu,cpuacct:/docker/0123\n0::/\n");
  tree.put("fs/cpu,cpuacct/cpu.cfs_quota_us", "300000\n");
  tree.put("fs/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK(tree.limit() == 3);
  tree.put("fs/cpu,cpuacct/docker/0123/cpu.cfs_quota_us", "100000\n");
  tree.put("fs/cpu,cpuacct/docker/0123/cpu.cfs_period_us", "100000\n");
  CHECK(tree.limit() == 1);
}

TEST_CASE("nothing there, a path too long, and endless nesting are no limit") {
  CHECK(cgroup::cpu_limit("/no/such/file", "/no/such/folder") == cgroup::kNoLimit);
  Tree tree;
  tree.put("proc", "0::/" + std::string(3000, 'x') + "\n");
  tree.put("fs/other", "");
  CHECK(tree.limit() == cgroup::kNoLimit);
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "/d";
  tree.put("proc", "0::" + deep + "\n");
  CHECK(tree.limit() == cgroup::kNoLimit);
  tree.put("proc", std::string(10'000, ':'));
  CHECK(tree.limit() == cgroup::kNoLimit);
}
