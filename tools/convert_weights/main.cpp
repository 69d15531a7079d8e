// convert_weights: dlib's and OpenFace's model files to ffr's weight format, without dlib and without Torch.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ffr/base/file.hpp"
#include "ffr/base/weights_file.hpp"
#include "ffr/base/weights_writer.hpp"
#include "hog_detector.hpp"
#include "md5.hpp"
#include "mmod.hpp"
#include "nn4_small2.hpp"
#include "resnet29.hpp"
#include "shape_predictor.hpp"

namespace {

struct Job {
    std::string input, output, origin, license;
    bool compact = false;
};

/// Weights may be converted anew. Any other file that has the output's name stays.
void require_replaceable(const std::string& output) {
    std::ifstream there(std::filesystem::u8path(output), std::ios::binary);
    char begin[sizeof ffr::detail::kWeightsMagic];
    if (!there.read(begin, 1)) return;  // no file, or an empty one
    there.read(begin + 1, sizeof begin - 1);
    if (there && std::equal(std::begin(begin), std::end(begin), ffr::detail::kWeightsMagic)) return;
    throw ffr::FileError(output + ": is there already, and isn't a weight file: choose another name, or move it away");
}

/// The file to convert, at most a gigabyte. Neither it nor another file that isn't weights will be written over.
std::vector<std::uint8_t> read(const Job& job) {
    std::error_code code;
    if (std::filesystem::equivalent(job.input, job.output, code)) {
        throw ffr::FileError(job.output + ": is the file to convert itself");
    }
    require_replaceable(job.output);
    return ffr::detail::read_file(job.input, 1 << 30);
}

convert::DlibStream open(const Job& job) {
    return {job.input, read(job)};
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

void convert_mmod(const Job& job) {
    convert::DlibStream in = open(job);
    ffr::WeightsWriter out = begin("mmod", job);
    convert::write_mmod(convert::read_mmod(in), out);
    out.save(job.output);
}

/// Says of OpenFace's own network what it is, and of any other that it's unknown, in the file and to the user.
void convert_nn4_small2(Job job) {
    constexpr const char* kPublished = "c95bfd8cc1adf05210e979ff623013b6";
    const std::vector<std::uint8_t> bytes = read(job);
    const std::string md5 = convert::md5(bytes), name = std::filesystem::path(job.input).filename().u8string();
    const bool is_published = md5 == kPublished;
    const std::string what = is_published ? "OpenFace's nn4.small2.v1.t7" : "an unknown network of nn4.small2's shape";
    if (job.origin.empty()) job.origin = what + (is_published ? "" : ", " + name) + ", MD5 " + md5;
    if (job.license.empty()) job.license = is_published ? "Apache License 2.0" : "unknown";
    const convert::TorchFile file(job.input, bytes.data(), bytes.size());
    ffr::WeightsWriter out = begin("nn4.small2", job);
    convert::write_nn4_small2(convert::read_nn4_small2(file), out);
    out.save(job.output);
    std::printf("%s: %s, MD5 %s\n", job.input.c_str(), what.c_str(), md5.c_str());
}

/// A verb for a kind of file whose origin and licence the user has to tell, unless the file tells them itself.
CLI::App* add_verb(CLI::App& app, const std::string& name, const std::string& what, Job& job, bool tells_origin) {
    CLI::App* const verb = app.add_subcommand(name, what);
    verb->add_option("input", job.input, "the file to convert")->required();
    verb->add_option("output", job.output, "the weight file to write")->required();
    verb->add_option("--origin", job.origin, "where the weights come from; kept in the file")->required(!tells_origin);
    verb->add_option("--license", job.license, "under which terms; kept in the file")->required(!tells_origin);
    return verb;
}

void add_compact(CLI::App* verb, Job& job) {
    verb->add_flag("--compact", job.compact, "the small coding instead of float32");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Converts dlib's and OpenFace's model files to ffr's weight format."};
    app.require_subcommand(1);
    Job job;
    CLI::App* const hog = add_verb(app, "hog", "dlib's HOG face detector, saved as .svm", job, false);
    hog->callback([&] { convert_hog(job); });
    CLI::App* const landmarks =
        add_verb(app, "landmarks", "dlib's shape predictor (.dat); compact: leaves of 16, 8 and 4 bits", job, false);
    landmarks->callback([&] { convert_landmarks(job); });
    add_compact(landmarks, job);
    CLI::App* const resnet29 =
        add_verb(app, "resnet29", "dlib's face recognition network (.dat); compact: float16", job, false);
    resnet29->callback([&] { convert_resnet29(job); });
    add_compact(resnet29, job);
    add_verb(app, "mmod", "dlib's CNN face detector (.dat)", job, false)->callback([&] { convert_mmod(job); });
    add_verb(app, "nn4.small2", "OpenFace's network nn4.small2 (.t7, binary or ascii)", job, true)->callback([&] {
        convert_nn4_small2(job);
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
