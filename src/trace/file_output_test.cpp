// Goal: write_file_atomically leaves the whole new file or the untouched old one, says clearly what
// went wrong, and never leaves a temporary file.
// Method: real files in a fresh folder under the temporary folder; failures are provoked with real
// obstacles: a full device, a file size limit, missing and forbidden folders, a folder as target.
#include "trace/file_output.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace px::trace {
namespace {

namespace fs = std::filesystem;

class FileOutput : public testing::Test {
 protected:
  FileOutput() {
    std::string pattern = (fs::temp_directory_path() / "px-file-output-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
  }
  ~FileOutput() override {
    std::error_code ignored;
    fs::permissions(folder_, fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }
  // The message with which writing there fails.
  static std::string failure(const std::string& path, const std::string& bytes = "new") {
    try {
      write_file_atomically(path, bytes);
    } catch (const FileError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return error.what();
    }
    return "no failure";
  }

  fs::path folder_;
};

TEST_F(FileOutput, WritesANewFileWithOrdinaryPermissions) {
  const mode_t old_mask = ::umask(022);
  write_file_atomically(path("out.json"), std::string("a\0b\n", 4));
  ::umask(old_mask);
  EXPECT_EQ(read(path("out.json")), std::string("a\0b\n", 4));
  EXPECT_EQ(names(), (std::vector<std::string>{"out.json"}));
  struct stat status {};
  ASSERT_EQ(::stat(path("out.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST_F(FileOutput, WritesAnEmptyAndALargeFile) {
  write_file_atomically(path("empty"), "");
  EXPECT_EQ(fs::file_size(path("empty")), 0U);
  const std::string large(5'000'000, 'x');
  write_file_atomically(path("large"), large);
  EXPECT_EQ(read(path("large")), large);
}

TEST_F(FileOutput, ReplacesAFileAndKeepsItsPermissions) {
  std::ofstream(path("out")) << "a longer old text";
  ASSERT_EQ(::chmod(path("out").c_str(), 0600), 0);
  write_file_atomically(path("out"), "new");
  EXPECT_EQ(read(path("out")), "new");
  struct stat status {};
  ASSERT_EQ(::stat(path("out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(FileOutput, WritesThroughASymbolicLink) {
  fs::create_directory(path("elsewhere"));
  std::ofstream(path("elsewhere/real")) << "old";
  fs::create_symlink("elsewhere/real", path("link"));
  write_file_atomically(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read(path("elsewhere/real")), "new");
}

TEST_F(FileOutput, WritesANameAsLongAsNamesCanBe) {
  const std::string name(255, 'n');
  write_file_atomically(path(name), "x");
  EXPECT_EQ(read(path(name)), "x");
}

TEST_F(FileOutput, WritesARelativePathWithoutAFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  write_file_atomically("bare", "x");
  fs::current_path(before);
  EXPECT_EQ(read(path("bare")), "x");
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(FileOutput, WritesToDevicesDirectlyAndNeverReplacesThem) {
  write_file_atomically("/dev/null", "x");
  EXPECT_FALSE(fs::is_regular_file("/dev/null"));
  const std::string message = failure("/dev/full");
  EXPECT_NE(message.find("/dev/full"), std::string::npos);
  EXPECT_NE(message.find("No space left on device"), std::string::npos);
  EXPECT_NE(message.find("free some space"), std::string::npos);
  EXPECT_FALSE(fs::is_regular_file("/dev/full"));
}

TEST_F(FileOutput, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  std::ofstream(path("out")) << "old";
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit small{1000, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = failure(path("out"), std::string(5000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_NE(message.find("File too large"), std::string::npos) << message;
  EXPECT_EQ(read(path("out")), "old");
  EXPECT_EQ(names(), (std::vector<std::string>{"out"}));
}

TEST_F(FileOutput, NamesAMissingFolder) {
  const std::string message = failure(path("nowhere/out"));
  EXPECT_NE(message.find(path("nowhere/out")), std::string::npos);
  EXPECT_NE(message.find("No such file or directory"), std::string::npos);
  EXPECT_NE(message.find("create the folder"), std::string::npos);
}

TEST_F(FileOutput, RefusesAFolderAndAPathThroughAFile) {
  EXPECT_NE(failure(folder_.string()).find("it is a folder"), std::string::npos);
  std::ofstream(path("file")) << "x";
  EXPECT_NE(failure(path("file/out")).find("a part of the path is a file"), std::string::npos);
}

TEST_F(FileOutput, RefusesWithoutPermission) {
  std::ofstream(path("protected")) << "old";
  ASSERT_EQ(::chmod(path("protected").c_str(), 0444), 0);
  fs::create_directory(path("closed"));
  ASSERT_EQ(::chmod(path("closed").c_str(), 0555), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  // Permissions do not bind root, so root steps down for a moment.
  const uid_t nobody = 65534;
  const bool is_root = ::geteuid() == 0;
  ASSERT_EQ(is_root ? ::seteuid(nobody) : 0, 0);
  const std::string closed = failure(path("closed/out"));
  const std::string guarded = failure(path("protected"));
  ASSERT_EQ(is_root ? ::seteuid(0) : 0, 0);
  EXPECT_NE(closed.find("Permission denied"), std::string::npos) << closed;
  EXPECT_NE(closed.find("that you may write to"), std::string::npos);
  EXPECT_NE(guarded.find("Permission denied"), std::string::npos) << guarded;
  EXPECT_EQ(read(path("protected")), "old");
}

}  // namespace
}  // namespace px::trace
