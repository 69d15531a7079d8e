#pragma once
/// \file
/// The verbs of the program. Each adds itself to the command line; when it's called, it runs and leaves the exit
/// status.

#include <CLI/CLI.hpp>

#include "run/batch.hpp"

void add_detect(CLI::App& app, Status& status);
void add_hog(CLI::App& app, Status& status);
void add_landmarks(CLI::App& app, Status& status);
void add_align(CLI::App& app, Status& status);
void add_represent(CLI::App& app, Status& status);
void add_compare(CLI::App& app, Status& status);
void add_train(CLI::App& app, Status& status);
void add_infer(CLI::App& app, Status& status);
void add_cluster(CLI::App& app, Status& status);
void add_video(CLI::App& app, Status& status);
void add_evaluate(CLI::App& app, Status& status);
void add_demo(CLI::App& app, Status& status);
void add_bench(CLI::App& app, Status& status);
void add_info(CLI::App& app, Status& status);

/// A verb with its help text and an example.
inline CLI::App* add_verb(CLI::App& app, const std::string& name, const std::string& what, const std::string& example) {
    CLI::App* const verb = app.add_subcommand(name, what);
    verb->footer("Example:\n  " + example);
    return verb;
}

/// The images that most verbs take.
inline void add_inputs(CLI::App& verb, std::vector<std::string>& inputs) {
    verb.add_option("inputs", inputs, "image files, folders, or - for paths on standard input")->required();
}
