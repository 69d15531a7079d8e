#pragma once
/// \file
/// What can go wrong, as three kinds of exception under one base.
///
///     std::runtime_error <-- Error <--+-- FileError        a file can't be opened, read or written
///                                     +-- FormatError      what stands in it isn't what it should be
///                                     +-- InvalidArgument  what a function was called with

#include <stdexcept>
#include <string>

#include "ieee.hpp"

namespace ffr {
inline namespace v0_1 {

/// Base of everything that ffr throws on purpose. what() is one line made for people.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The file system said no: a file is missing, unreadable or can't be written. The text names the file.
class FileError : public Error {
  public:
    using Error::Error;
};

/// A file could be read but its content isn't what it should be. The text names the file, the place and the reason.
class FormatError : public Error {
  public:
    using Error::Error;
};

/// The caller passed something a function can't work with. The text says what was expected and what came.
class InvalidArgument : public Error {
  public:
    using Error::Error;
};

}  // namespace v0_1
}  // namespace ffr
