#include "load/embedded_files.hpp"

const std::vector<EmbeddedFile>& embedded_files() {
    static const std::vector<EmbeddedFile> files;
    return files;
}
