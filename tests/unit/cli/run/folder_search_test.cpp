#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ffr/base/pending_file.hpp"
#include "run/folder_search.hpp"

namespace fs = std::filesystem;

namespace {

struct Tree {
    fs::path root = fs::temp_directory_path() / ("ffr-search-" + ffr::detail::random_digits());

    Tree() { fs::create_directories(root); }
    ~Tree() { fs::remove_all(root); }

    void file(const std::string& name) const {
        fs::create_directories((root / name).parent_path());
        std::ofstream(root / name) << name;
    }
    void link(const std::string& target, const std::string& name) const {
        fs::create_directories((root / name).parent_path());
        fs::create_symlink(target, root / name);
    }
    /// What a search finds, relative to the root; errors behind a '!'.
    std::vector<std::string> found(FolderSearch& search, const std::string& folder = "") const {
        std::vector<std::string> names;
        for (const FoundFile& file : search.search(folder.empty() ? root : root / folder)) {
            names.push_back((file.error.empty() ? "" : "!") + file.path.lexically_relative(root).generic_string());
        }
        return names;
    }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("images are found by their extension, in the order of their paths") {
    const Tree tree;
    for (const char* const name : {"b/2.JPG", "b/1.png", "a.jpeg", "notes.txt", "c", "d.jpg/e.pgm"}) tree.file(name);
    FolderSearch search;
    CHECK(tree.found(search) == Names{"a.jpeg", "b/1.png", "b/2.JPG", "d.jpg/e.pgm"});
    CHECK(search.has_seen_images());
    CHECK(tree.found(search).empty());  // they were found before
    CHECK(search.has_seen_images());
    const Tree empty;
    CHECK(empty.found(search).empty());
    CHECK(!search.has_seen_images());
    CHECK_THROWS_AS(search.search(empty.root / "none"), fs::filesystem_error);
}

TEST_CASE("folders that links lead to are searched once, after what lies in the tree itself") {
    const Tree tree;
    tree.file("2019/1.jpg");
    tree.file("2020/2.jpg");
    for (const char* const year : {"2019", "2020"}) {
        tree.link(std::string("../") + year, std::string("family/") + year);
        tree.link("../family", std::string(year) + "/family");
    }
    tree.link(".", "itself");
    tree.link("..", "2019/back");
    tree.link("nowhere", "family/gone");
    FolderSearch search;
    CHECK(tree.found(search) == Names{"2019/1.jpg", "2020/2.jpg"});
}

TEST_CASE("what only a link leads to is found by the link, by the first of several") {
    const Tree tree, other;
    other.file("x/1.jpg");
    tree.file("own.jpg");
    fs::create_directory_symlink(other.root / "x", tree.root / "b");
    fs::create_directory_symlink(other.root / "x", tree.root / "a");
    fs::create_symlink(other.root / "x/1.jpg", tree.root / "0.jpg");
    tree.link("own.jpg", "again.jpg");
    tree.link("nowhere.jpg", "broken.jpg");
    FolderSearch search;
    CHECK(tree.found(search) == Names{"a/1.jpg", "broken.jpg", "own.jpg"});
}

TEST_CASE("folders that overlap give each file once") {
    const Tree tree;
    tree.file("a/1.jpg");
    tree.file("a/b/2.jpg");
    tree.file("3.jpg");
    FolderSearch search;
    CHECK(tree.found(search, "a/b") == Names{"a/b/2.jpg"});
    CHECK(tree.found(search, "a") == Names{"a/1.jpg"});
    CHECK(!search.add(tree.root / "a/1.jpg"));
    CHECK(search.add(tree.root / "3.jpg"));
    CHECK(search.add(tree.root / "none.jpg"));
    CHECK(tree.found(search).empty());
    CHECK(search.has_seen_images());
}

#if !defined(_WIN32)
#include <sys/stat.h>

TEST_CASE("a pipe isn't waited for, and hard links are two files") {
    const Tree tree;
    tree.file("anna/1.jpg");
    fs::create_directories(tree.root / "ben");
    fs::create_hard_link(tree.root / "anna/1.jpg", tree.root / "ben/1.jpg");
    REQUIRE(::mkfifo((tree.root / "pipe.jpg").c_str(), 0600) == 0);
    FolderSearch search;
    CHECK(tree.found(search) == Names{"anna/1.jpg", "ben/1.jpg", "!pipe.jpg"});
}
#endif
