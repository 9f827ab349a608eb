#include "workload/workload.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace px::workload {

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::kNone:
      return "none";
    case Protocol::kInherit:
      return "inherit";
    case Protocol::kProtect:
      return "protect";
    case Protocol::kProxy:
      return "proxy";
  }
  check_failed(__FILE__, __LINE__, "protocol", "a protocol without a name");
}

std::optional<Protocol> protocol_named(std::string_view name) {
  for (const Protocol protocol :
       {Protocol::kNone, Protocol::kInherit, Protocol::kProtect, Protocol::kProxy}) {
    if (name == name_of(protocol)) return protocol;
  }
  return std::nullopt;
}

bool is_endless(const TaskSpec& task) {
  return task.loop < 0 || std::any_of(task.phases.begin(), task.phases.end(),
                                      [](const Phase& phase) { return phase.loop < 0; });
}

}  // namespace px::workload
