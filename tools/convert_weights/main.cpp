// convert_weights: dlib's model files to ffr's weight format, without dlib.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "ffr/detail/file.hpp"
#include "hog_detector.hpp"
#include "resnet29.hpp"
#include "shape_predictor.hpp"

namespace {

struct Job {
    std::string input, output, origin, license;
    bool compact = false;
};

convert::DlibStream open(const Job& job) {
    return {job.input, ffr::detail::read_file(job.input)};
}

ffr::WeightsWriter begin(const std::string& kind, const Job& job) {
    ffr::WeightsWriter out(kind);
    out.add_text("origin", job.origin);
    out.add_text("license", job.license);
    return out;
}

void convert_hog(const Job& job) {
    convert::DlibStream in = open(job);
    ffr::WeightsWriter out = begin("hog_detector", job);
    convert::write_hog_detector(convert::read_hog_detector(in), out);
    out.save(job.output);
}

void convert_landmarks(const Job& job) {
    convert::DlibStream in = open(job);
    ffr::WeightsWriter out = begin("landmarks", job);
    const convert::ShapePredictor model = convert::read_shape_predictor(in);
    job.compact ? convert::write_compact(model, out) : convert::write_exact(model, out);
    out.save(job.output);
}

void convert_resnet29(const Job& job) {
    convert::DlibStream in = open(job);
    ffr::WeightsWriter out = begin("resnet29", job);
    convert::write_resnet29(convert::read_resnet29(in), job.compact, out);
    out.save(job.output);
}

CLI::App* add_verb(CLI::App& app, const std::string& name, const std::string& what, Job& job, bool has_compact) {
    CLI::App* const verb = app.add_subcommand(name, what);
    verb->add_option("input", job.input, "dlib's file")->required();
    verb->add_option("output", job.output, "the weight file to write")->required();
    verb->add_option("--origin", job.origin, "where the weights come from; kept in the file")->required();
    verb->add_option("--license", job.license, "under which terms; kept in the file")->required();
    if (has_compact) verb->add_flag("--compact", job.compact, "the small coding instead of float32");
    return verb;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Converts dlib's model files to ffr's weight format."};
    app.require_subcommand(1);
    Job job;
    add_verb(app, "hog", "a HOG face detector saved as .svm", job, false)->callback([&] { convert_hog(job); });
    add_verb(app, "landmarks", "a shape predictor (.dat); compact: leaves of 16, 8 and 4 bits", job, true)
        ->callback([&] { convert_landmarks(job); });
    add_verb(app, "resnet29", "the face recognition network (.dat); compact: float16", job, true)->callback([&] {
        convert_resnet29(job);
    });
    try {
        app.parse(argc, argv);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "convert_weights: %s\n", error.what());
        return 1;
    }
}
