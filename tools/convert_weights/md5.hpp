#pragma once
/// \file
/// MD5, by which OpenFace names its files. Done by OpenSSL.

#include <openssl/evp.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "ffr/base/error.hpp"

namespace convert {

/// The MD5 of some bytes as 32 hexadecimal digits. \throws ffr::Error where OpenSSL was built without MD5
inline std::string md5(const std::vector<std::uint8_t>& bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr) != 1) {
        throw ffr::Error("OpenSSL can't compute an MD5 here");
    }
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", digest[i]);
        text += digits;
    }
    return text;
}

}  // namespace convert
