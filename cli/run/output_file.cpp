#include "run/output_file.hpp"

#include <array>
#include <atomic>
#include <cctype>
#include <cstring>
#include <mutex>
#include <set>

#include "ffr/image/image_io.hpp"

#if defined(_WIN32)
#include <io.h>
#define unlink _unlink
#else
#include <unistd.h>
#endif

namespace fs = std::filesystem;
using ffr::detail::Durability;

namespace {

/// Files that don't outlive a signal, where its handler can read them. There are never more than the few that become
/// tables together, and a lock; of more, or of a longer name, the next run deletes what a signal leaves.
struct Listed {
    std::atomic<bool> taken{false}, there{false};
    std::array<char, 4096> path{};
};
std::array<Listed, 8> listed;

/// A path with a folder before it made; what it's to be written under.
const fs::path& with_parent(const fs::path& file) {
    make_parent(file);
    return file;
}

}  // namespace

void clean_once(const fs::path& folder) {
    static std::mutex mutex;
    static std::set<fs::path> cleaned;
    const std::lock_guard lock(mutex);
    if (cleaned.insert(folder).second) ffr::detail::remove_abandoned(folder);
}

void DeletedBySignal::list(const fs::path& file) {
    const std::string path = fs::absolute(file).string();
    if (path.size() >= listed[0].path.size()) return;
    for (std::size_t i = 0; i < listed.size(); ++i) {
        if (listed[i].taken.exchange(true)) continue;
        std::memcpy(listed[i].path.data(), path.c_str(), path.size() + 1);
        listed[i].there = true;
        place_ = static_cast<int>(i);
        return;
    }
}

void DeletedBySignal::unlist() {
    if (place_ < 0) return;
    Listed& file = listed[static_cast<std::size_t>(place_)];
    file.there = false;
    file.taken = false;
    place_ = -1;
}

void delete_listed_files() {
    for (Listed& file : listed) {
        if (file.there) unlink(file.path.data());
    }
}

OutputFile::OutputFile(const fs::path& file, const void* data, std::size_t size, unsigned mode, Durability durability)
    : pending_(with_parent(file), mode, durability) {
    listed_.list(pending_.temporary());
    clean_once(pending_.temporary().parent_path());
    pending_.write(data, size);
}

bool require_replaceable(const fs::path& file, const Writing& how) {
    std::error_code code;
    if (!fs::exists(file, code)) return false;
    const std::string mark = mark_of(file), wanted = mark_text(how.kind);
    const bool is_own = mark.compare(0, wanted.size(), wanted) == 0;
    const bool may_be_any =
        how.force == Force::given || !fs::is_regular_file(file, code) || fs::file_size(file, code) == 0;
    if (is_own || may_be_any) {
        ffr::detail::PendingFile(file, how.mode);  // throws for what can't be replaced at all
        return true;
    }
    throw ffr::FileError(file.u8string() + ": is there already, and isn't " + kind_name(how.kind) +
                         " that ffr wrote: " +
                         (how.force == Force::possible ? "choose another name, or replace it with --force"
                                                       : "move it away, or choose another folder"));
}

void make_parent(const fs::path& file) {
    std::error_code code;
    if (file.has_parent_path()) fs::create_directories(file.parent_path(), code);
    if (code) throw ffr::FileError(file.parent_path().u8string() + ": can't make the folder: " + code.message());
}

void write_bytes(const fs::path& file, const void* data, std::size_t size, const Writing& how) {
    const bool is_there = require_replaceable(file, how);
    // A model and a timeline can't always be made again; pictures, pages and tables of results can.
    const bool is_lasting = how.kind == Kind::model || how.kind == Kind::timeline;
    OutputFile output(file, data, size, how.mode, is_lasting ? Durability::on_disk : Durability::in_system);
    is_there ? output.put() : output.put_new();  // a file that came meanwhile stays
}

void write_text(const fs::path& file, const std::string& text, const Writing& how) {
    write_bytes(file, text.data(), text.size(), how);
}

void write_picture(const fs::path& file, ffr::ImageView image, const Writing& how) {
    std::string extension = file.extension().string();
    for (char& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    const std::vector<std::uint8_t> picture = extension == ".png" ? ffr::encode_png(image) : ffr::encode_jpeg(image);
    const std::vector<std::uint8_t> bytes = marked(picture, mark_text(how.kind, how.details));
    write_bytes(file, bytes.data(), bytes.size(), how);
}
