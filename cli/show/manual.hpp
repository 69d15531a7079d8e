#pragma once
/// \file
/// The manual page and bash's completion, made from the same definitions as --help.

#include <CLI/CLI.hpp>
#include <string>

/// The manual page in man's macros: a section for each verb, the options that all share once.
std::string manual_page(const CLI::App& app);

/// A script for bash that completes verbs, options, their values where there are few, and file names.
std::string bash_completion(const CLI::App& app);
