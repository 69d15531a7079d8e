#include "run/batch.hpp"

void report_failure(const std::filesystem::path& path, const std::string& reason, const SharedOptions& options) {
    const std::string name = path.u8string() + ": ";
    const std::string bare = reason.rfind(name, 0) == 0 ? reason.substr(name.size()) : reason;
    std::cerr << "ffr: " << name << bare << '\n';
    if (options.json) print_record({{"image", path.u8string()}, {"error", bare}});
}

void print_record(const Json& record) {
    // Paths may hold any bytes; what isn't UTF-8 is replaced rather than letting one name end the run.
    std::cout << record.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}
