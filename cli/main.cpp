// ffr: one verb for each step of the way from a photo to a name.

#include <exception>
#include <iostream>

#include "ffr/base/error.hpp"
#include "ffr/version.hpp"
#include "run/interrupt.hpp"
#include "run/standard_streams.hpp"
#include "show/manual.hpp"
#include "verbs/verbs.hpp"

namespace {

/// A flag that prints what's made of all definitions, and nothing else.
void add_printed_flag(CLI::App& app, const std::string& name, const std::string& what,
                      std::string (*text)(const CLI::App&)) {
    const auto print = [&app, text] {
        std::cout << text(app);
        throw CLI::Success();
    };
    app.add_flag_callback(name, print, what)->trigger_on_parse();
}

}  // namespace

int main(int argc, char** argv) {
    const StandardStreams streams;
    handle_signals();
    CLI::App app{"Finds faces, marks them, straightens them, measures them and names them."};
    app.set_version_flag("--version", ffr::kVersion);
    add_printed_flag(app, "--man", "Print the manual page and exit", manual_page);
    add_printed_flag(app, "--bash-completion", "Print bash's completion script and exit", bash_completion);
    app.require_subcommand(1);
    app.footer("ffr VERB --help explains a verb with an example.");
    Status status = kDone;
    add_detect(app, status);
    add_hog(app, status);
    add_landmarks(app, status);
    add_align(app, status);
    add_represent(app, status);
    add_compare(app, status);
    add_train(app, status);
    add_infer(app, status);
    add_cluster(app, status);
    add_video(app, status);
    add_evaluate(app, status);
    add_demo(app, status);
    add_bench(app, status);
    add_info(app, status);
    try {
        app.parse(argc, argv);
        if (!std::cout.flush()) throw ffr::FileError("can't write to standard output");
        return status;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kWrongUsage;
    } catch (const Interrupted& stopped) {
        std::cerr << "ffr: " << stopped.what() << '\n';
        return 128 + stopped.signal;  // as shells tell it
    } catch (const std::exception& error) {
        std::cerr << "ffr: " << error.what() << '\n';
        return kSomeFailed;
    }
}
