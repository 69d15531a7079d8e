#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "ffr/base/pending_file.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "ffr/image/image_io.hpp"

#if !defined(_WIN32)
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace fs = std::filesystem;
using ffr::detail::PendingFile;
using ffr::detail::write_file;

namespace {

/// A folder of its own for a test.
struct Folder {
    fs::path path = fs::temp_directory_path() / ("ffr-pending-" + ffr::detail::random_digits());

    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }

    fs::path operator/(const std::string& name) const { return path / name; }
    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(path)) found.insert(entry.path().filename().string());
        return found;
    }
};

std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
}

void write(const fs::path& file, const std::string& text, unsigned mode = ffr::detail::kSharedMode) {
    write_file(file, text.data(), text.size(), mode);
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("a file that's written is there whole, and nothing beside it") {
    const Folder folder;
    write(folder / "new", "one");
    CHECK(content(folder / "new") == "one");
    write(folder / "new", std::string(300000, 'x'));
    CHECK(content(folder / "new").size() == 300000);
    write(folder / "new", "");
    CHECK(content(folder / "new").empty());
    CHECK(folder.names() == Names{"new"});
}

TEST_CASE("a file that isn't put leaves its place as it was and nothing beside it") {
    const Folder folder;
    put(folder / "old", "old");
    for (const char* const name : {"old", "new"}) {
        PendingFile file(folder / name);
        file.write("bytes", 5);
        CHECK(fs::exists(file.temporary()));
        CHECK(ffr::detail::is_temporary_name(file.temporary().filename().string()));
    }
    CHECK(folder.names() == Names{"old"});
    CHECK(content(folder / "old") == "old");
}

TEST_CASE("put_new never replaces a file, not even one that came meanwhile") {
    const Folder folder;
    PendingFile file(folder / "a");
    file.write("mine", 4);
    put(folder / "a", "theirs");
    CHECK_THROWS_WITH_AS(file.put_new(), doctest::Contains("a: can't write the file: File exists"), ffr::FileError);
    CHECK(content(folder / "a") == "theirs");
    PendingFile other(folder / "b");
    other.write("mine", 4);
    other.put_new();
    CHECK(content(folder / "b") == "mine");
}

TEST_CASE("what isn't a regular file isn't replaced") {
    const Folder folder;
    fs::create_directory(folder / "sub");
    CHECK_THROWS_WITH_AS(write(folder / "sub", "x"), doctest::Contains("it isn't a regular file"), ffr::FileError);
    CHECK_THROWS_AS(write(folder / "none/x", "x"), ffr::FileError);
    CHECK(folder.names() == Names{"sub"});
}

TEST_CASE("temporary names are told from others") {
    using ffr::detail::is_temporary_name;
    const std::string digits = "0123456789abcdef0123456789abcdef";
    CHECK(is_temporary_name(".ffr-" + digits + ".tmp"));
    for (const std::string& name : {"ffr-" + digits + ".tmp", ".ffr-" + digits, ".ffr-" + digits + ".tmp2",
                                    ".ffr-" + digits.substr(1) + ".tmp", ".ffr-" + digits.substr(1) + "g.tmp",
                                    ".ffr-12-34.tmp" + std::string(), std::string(), std::string(41, 'a')}) {
        CHECK_MESSAGE(!is_temporary_name(name), name);
    }
    CHECK(ffr::detail::random_digits() != ffr::detail::random_digits());
}

#if !defined(_WIN32)

namespace {

unsigned mode_of(const fs::path& file) {
    struct stat found {};
    REQUIRE(::stat(file.c_str(), &found) == 0);
    return found.st_mode & 07777u;
}

/// Sets the umask for a test.
struct Umask {
    mode_t before;
    explicit Umask(mode_t mask) : before(::umask(mask)) {}
    ~Umask() { ::umask(before); }
};

}  // namespace

TEST_CASE("a new file has the mode that was asked for, less the umask's") {
    const Folder folder;
    const Umask mask(027);
    write(folder / "shared", "x");
    write(folder / "private", "x", ffr::detail::kPrivateMode);
    CHECK(mode_of(folder / "shared") == 0640);
    CHECK(mode_of(folder / "private") == 0600);
    ffr::WeightsWriter("test").save(folder / "weights");
    CHECK(mode_of(folder / "weights") == 0640);
    PendingFile file(folder / "new", ffr::detail::kPrivateMode);
    file.write("x", 1);
    CHECK(mode_of(file.temporary()) == 0600);
    file.put_new();
    CHECK(mode_of(folder / "new") == 0600);
}

TEST_CASE("a replaced file keeps its mode, also while it's being written") {
    const Folder folder;
    for (const unsigned mode : {0600u, 0640u, 0604u, 0755u, 01644u}) {
        put(folder / "a", "old");
        REQUIRE(::chmod((folder / "a").c_str(), static_cast<mode_t>(mode)) == 0);
        PendingFile file(folder / "a");
        file.write("new", 3);
        CHECK(mode_of(file.temporary()) == mode);
        file.put();
        CHECK(mode_of(folder / "a") == mode);
        CHECK(content(folder / "a") == "new");
    }
}

TEST_CASE("a replaced file keeps its owner and group where that's allowed") {
    if (::geteuid() != 0) return;  // others may give nothing away
    const Folder folder;
    put(folder / "a", "old");
    REQUIRE(::chown((folder / "a").c_str(), 1234, 2345) == 0);
    REQUIRE(::chmod((folder / "a").c_str(), 0640) == 0);
    write(folder / "a", "new");
    struct stat found {};
    REQUIRE(::stat((folder / "a").c_str(), &found) == 0);
    CHECK(found.st_uid == 1234);
    CHECK(found.st_gid == 2345);
    CHECK(mode_of(folder / "a") == 0640);
}

TEST_CASE("a read-only file stays, for root, too") {
    const Folder folder;
    put(folder / "a", "old");
    REQUIRE(::chmod((folder / "a").c_str(), 0444) == 0);
    CHECK_THROWS_WITH_AS(write(folder / "a", "new"), doctest::Contains("a: can't write the file: it's read-only"),
                         ffr::FileError);
    CHECK(content(folder / "a") == "old");
    CHECK(mode_of(folder / "a") == 0444);
}

TEST_CASE("a link stays and what it leads to is written") {
    const Folder folder;
    fs::create_directory(folder / "sub");
    put(folder / "sub/file", "old");
    fs::create_symlink("sub/file", folder / "link");
    fs::create_symlink("link", folder / "link to it");
    fs::create_symlink("sub/new", folder / "leads nowhere");
    write(folder / "link to it", "new");
    CHECK(content(folder / "sub/file") == "new");
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(fs::is_symlink(folder / "link to it"));
    write(folder / "leads nowhere", "newer");
    CHECK(content(folder / "sub/new") == "newer");
    fs::create_symlink("b", folder / "a");
    fs::create_symlink("a", folder / "b");
    CHECK_THROWS_WITH_AS(write(folder / "a", "x"), doctest::Contains("symbolic links"), ffr::FileError);
}

TEST_CASE("what killed processes left is deleted, what's being written stays") {
    const Folder folder;
    const std::string left = ".ffr-0123456789abcdef0123456789abcdef.tmp";
    put(folder / left, "half");
    put(folder / ".ffr-mine.tmp", "kept");
    fs::create_directory(folder / ".ffr-0123456789abcdef0123456789abcde0.tmp");
    fs::create_symlink(".ffr-mine.tmp", folder / ".ffr-0123456789abcdef0123456789abcde1.tmp");
    PendingFile file(folder / "a");
    file.write("x", 1);
    const pid_t child = ::fork();  // another process
    if (child == 0) {
        ffr::detail::remove_abandoned(folder.path);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(fs::exists(file.temporary()));
    CHECK(!fs::exists(folder / left));
    file.put();
    CHECK(folder.names() == Names{".ffr-0123456789abcdef0123456789abcde0.tmp",
                                  ".ffr-0123456789abcdef0123456789abcde1.tmp", ".ffr-mine.tmp", "a"});
}

#endif
