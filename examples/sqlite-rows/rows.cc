// SPDX-License-Identifier: MIT
//
// Rows of a query go into a channel while the query runs, and whoever reads them decides how many: the query here has no end.
//
// A green thread calls sqlite3_exec(), which calls back for each row: a callback with state inside a call to C. When the channel is full it parks, and
// the query stands still until there is room.
#include <causeway/causeway.hpp>

#include <sqlite3.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace {

using Rows = causeway::channel<std::string>;
using OnRow = causeway::user_data_callback<int(void*, int, char**, char**), 0>;

std::string text_of(int columns, char** values, char** names) {
  std::string row;
  for (int i = 0; i < columns; i++) row += std::string(i > 0 ? ", " : "") + names[i] + " = " + (values[i] != nullptr ? values[i] : "NULL");
  return row;
}

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Database = std::unique_ptr<sqlite3, Close>;

Database open_in_memory() {
  sqlite3* db = nullptr;
  const int status = sqlite3_open(":memory:", &db);
  Database owner(db);  // also after a failure
  return status == SQLITE_OK ? std::move(owner) : nullptr;
}

}  // namespace

int main() {
  const causeway::runtime rt;
  const Database db = open_in_memory();
  if (!db) return std::puts("no database"), 1;

  Rows rows(2);
  auto query = causeway::spawn([&] {
    const OnRow on_row{[&](void*, int columns, char** values, char** names) {
      return rows.send(text_of(columns, values, names))
                 ? 0
                 : 1;  // parks while the channel is full; false once it is closed, and 1 ends the query
    }};
    const char* sql = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT n, n * n AS square FROM numbers";
    const int status = causeway::call([&] { return sqlite3_exec(db.get(), sql, on_row.code(), on_row.data(), nullptr); });
    rows.close();
    return status;
  });

  int shown = 0;
  for (const std::string& row : rows) {
    std::puts(row.c_str());
    if (++shown == 5) break;
  }
  rows.close();  // enough
  const int status = query.join();
  std::printf("the query ended: %s\n", sqlite3_errstr(status));
  return shown == 5 && status == SQLITE_ABORT ? 0 : 1;
}
