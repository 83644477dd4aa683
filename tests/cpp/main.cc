// SPDX-License-Identifier: MIT
//
// The main of every unit test program. doctest answers 0 when a filter matches nothing; here a run of no case is a failure.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

namespace {

unsigned cases_run = 0;

// Takes the number of cases at the end of a run; everything else is none of its business.
class CaseCounter final : public doctest::IReporter {
 public:
  explicit CaseCounter(const doctest::ContextOptions&) {}
  void test_run_end(const doctest::TestRunStats& stats) override { cases_run = stats.numTestCasesPassingFilters; }
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("case_counter", 1, CaseCounter);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  context.setOption("force-colors", false);
  const int failed = context.run();
  if (context.shouldExit()) return failed;  // a query: --help, --list-test-cases
  if (failed == 0 && cases_run == 0) {
    std::fputs("no test case ran\n", stderr);
    return 1;
  }
  return failed;
}
