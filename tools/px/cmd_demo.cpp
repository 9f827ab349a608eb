#include "cmd_demo.hpp"

#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "demo_case.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "report/demo.hpp"

namespace px::tools {

namespace {

constexpr Nanos kDefaultDuration = 5 * kSecond;
constexpr const char* kDefaultPage = "px-demo.html";

using workload::Protocol;

constexpr std::pair<World, Protocol> kCases[] = {
    {World::kLinux, Protocol::kNone}, {World::kLinux, Protocol::kInherit},
    {World::kLive, Protocol::kNone},  {World::kLive, Protocol::kProxy},
    {World::kSim, Protocol::kNone},   {World::kSim, Protocol::kProxy},
};

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view kKey = "model name";
    const std::size_t colon = line.find(": ");
    if (line.starts_with(kKey) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "an unnamed CPU";
}

std::string machine() {
  utsname name{};
  std::string system = "Linux";
  if (::uname(&name) == 0) system = std::string(name.sysname) + " " + name.release;
  return std::to_string(std::thread::hardware_concurrency()) + " CPUs, " + cpu_model() + ", " +
         system;
}

std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  char text[32] = "";
  if (::gmtime_r(&now, &utc) != nullptr) {
    (void)std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &utc);
  }
  return text;
}

report::DemoPart run_part(DemoKind kind, const DemoArguments& arguments, DemoSettings settings,
                          std::vector<std::string>& notes) {
  report::DemoPart part;
  part.name = name_of(kind);
  part.setup = setup_of(kind);
  for (const auto& [world, protocol] : kCases) {
    if (arguments.world && world != World::kSim) continue;
    settings.world = world;
    settings.protocol = protocol;
    const Progress progress(part.name + ", " + name_of(world) + "/" + workload::name_of(protocol),
                            world == World::kSim ? -1 : settings.duration_ns);
    part.cases.push_back(run_demo_case(kind, settings, notes));
  }
  return part;
}

// What the columns say that their headings do not.
std::string legend(bool measured) {
  std::string text =
      "\nmax = the foreground's longest wait for the lock; hogs = their share of the CPU; - = too "
      "few calls\nfor that percentile.";
  if (measured) {
    text +=
        " disturbed = time in which the machine took a CPU away from a computing thread;\nmax net "
        "= the longest wait that overlaps none of it.";
  }
  return text + "\n";
}

std::string where(const Output& page) {
  return page.path == "-" ? "" : "\nThe page with the timelines is " + page.path + "\n";
}

}  // namespace

int demo_command(const DemoArguments& arguments) {
  if (arguments.world) (void)parse_choice("--world", *arguments.world, {"sim"});
  DemoSettings settings;
  settings.duration_ns =
      arguments.seconds ? parse_seconds("--seconds", *arguments.seconds, false) : kDefaultDuration;
  settings.proxy_exec = proxy_exec_from_environment();
  settings.privileged = arguments.privileged;
  std::vector<Output> outputs;
  outputs.push_back({"--report", arguments.report.value_or(kDefaultPage), {}});
  if (arguments.json) outputs.push_back({"--json", *arguments.json, {}});
  check_outputs(outputs);

  std::vector<std::string> notes;
  report::DemoResult result;
  result.command = arguments.command_line;
  result.machine = machine();
  result.date = date();
  for (const DemoKind kind : {DemoKind::kFair, DemoKind::kRealtime}) {
    result.parts.push_back(run_part(kind, arguments, settings, notes));
  }
  outputs[0].text = report::demo_report_html(result);
  if (arguments.json) outputs[1].text = report::demo_json(result);
  std::string text = report::demo_table(result) + legend(!arguments.world);
  for (const std::string& note : notes) text += "note: " + note + "\n";
  write_outputs(outputs, text + where(outputs[0]));
  return 0;
}

}  // namespace px::tools
