#include "show/manual.hpp"

#include <vector>

#include "ffr/version.hpp"
#include "load/options.hpp"

namespace {

using Options = std::vector<const CLI::Option*>;
using Verbs = std::vector<const CLI::App*>;

Verbs verbs_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

/// Options of a verb, named ones or positional ones, without --help.
Options options_of(const CLI::App& verb, bool positional) {
    return verb.get_options([&](const CLI::Option* option) {
        return option->get_positional() == positional && !option->check_name("--help");
    });
}

bool is_shared(const CLI::Option& option) {
    return option.get_group() == kSharedGroup;
}

/// "-o,--output" as {"-o", "--output"}.
std::vector<std::string> names_of(const CLI::Option& option) {
    std::vector<std::string> names;
    for (const std::string& name : option.get_snames()) names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
    return names;
}

/// The values that an option is restricted to, of a type's name such as "TEXT:{hog,mmod}"; else nothing.
std::vector<std::string> values_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const std::size_t open = type.find('{'), close = type.find('}');
    if (open == std::string::npos || close == std::string::npos || close < open) return {};
    return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

/// A text in which nothing means anything to man.
std::string plain(const std::string& text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '\\') {
            out += "\\e";
        } else if (letter == '-') {
            out += "\\-";
        } else if (letter == '\n') {
            out += "\n\\&";
        } else {
            out += letter;
        }
    }
    return "\\&" + out;
}

std::string option_entry(const CLI::Option& option) {
    std::string names;
    for (const std::string& name : names_of(option))
        names += (names.empty() ? "\\fB" : ", \\fB") + plain(name) + "\\fR";
    std::string value;
    for (const std::string& one : values_of(option)) value += (value.empty() ? " " : "|") + plain(one);
    if (value.empty() && option.get_expected_min() > 0) value = " \\fIVALUE\\fR";
    return ".TP\n" + names + value + "\n" + plain(option.get_description()) + "\n";
}

/// Of a verb, and of the verbs within it.
std::string verb_section(const CLI::App& verb, const std::string& before) {
    const std::string name = before + " " + verb.get_name();
    std::string text;
    if (verbs_of(verb).empty()) {
        text = ".SS \"" + name;
        if (!options_of(verb, false).empty()) text += " [OPTIONS]";
        for (const CLI::Option* option : options_of(verb, true)) text += " " + option->get_name(true);
        text += "\"\n" + plain(verb.get_description()) + ".\n";
        for (const CLI::Option* option : options_of(verb, true)) {
            text += ".TP\n\\fI" + option->get_name(true) + "\\fR\n" + plain(option->get_description()) + "\n";
        }
        for (const CLI::Option* option : options_of(verb, false)) {
            if (!is_shared(*option)) text += option_entry(*option);
        }
        text += ".PP\n.EX\n" + plain(verb.get_footer()) + "\n.EE\n";
    }
    for (const CLI::App* inner : verbs_of(verb)) text += verb_section(*inner, name);
    return text;
}

/// "words of" a list for bash.
std::string joined(const std::vector<std::string>& words) {
    return CLI::detail::join(words, " ");
}

/// A verb's lines: its options, and the words to choose from behind one of them.
std::string completion_of(const CLI::App& verb) {
    std::vector<std::string> options{"--help"}, inner_verbs;
    std::string choices;
    const auto add = [&](const CLI::App& one) {
        for (const CLI::Option* option : options_of(one, false)) {
            const std::vector<std::string> names = names_of(*option), values = values_of(*option);
            options.insert(options.end(), names.begin(), names.end());
            if (!values.empty()) {
                choices += "        " + CLI::detail::join(names, "|") + ") choices=\"" + joined(values) + "\" ;;\n";
            }
        }
    };
    add(verb);
    for (const CLI::App* inner : verbs_of(verb)) {
        inner_verbs.push_back(inner->get_name());
        add(*inner);
    }
    if (!inner_verbs.empty())
        choices += "        " + verb.get_name() + ") choices=\"" + joined(inner_verbs) + "\" ;;\n";
    return "    " + verb.get_name() + ")\n      options=\"" + joined(options) + "\"\n      case $before in\n" +
           choices + "      esac ;;\n";
}

}  // namespace

std::string manual_page(const CLI::App& app) {
    std::string text =
        ".TH FFR 1 \"\" \"ffr " + std::string(ffr::kVersion) + "\" \"User commands\"\n" +
        ".SH NAME\nffr \\- face recognition from a photo to a name\n" +
        ".SH SYNOPSIS\n\\fBffr\\fR \\fIVERB\\fR [\\fIOPTIONS\\fR] ...\n" + ".SH DESCRIPTION\n" +
        plain(app.get_description()) +
        "\nInputs are image files, folders, which are searched for them, or \\- for paths on standard input, one a "
        "line.\n.SH VERBS\n";
    for (const CLI::App* verb : verbs_of(app)) text += verb_section(*verb, "ffr");
    text += ".SH COMMON OPTIONS\n";
    for (const CLI::Option* option : options_of(*verbs_of(app).front(), false)) {
        if (is_shared(*option)) text += option_entry(*option);
    }
    return text +
           ".SH EXIT STATUS\n.TP\n0\nAll is done.\n"
           ".TP\n1\nSome inputs failed, each named with its reason on standard error, and the rest is done; or the run "
           "couldn't go on.\n"
           ".TP\n2\nThe command line is wrong.\n"
           ".TP\n130, 143\nThe run was stopped by Ctrl\\-C or SIGTERM, after the photos in hand.\n"
           ".SH ENVIRONMENT\n.TP\n\\fBFFR_WEIGHTS\\fR\nThe folder of the weight files.\n"
           ".TP\n\\fBFFR_SIMD\\fR\nThe instructions to use, such as scalar, sse2, avx2 or avx512; by default the "
           "best.\n";
}

std::string bash_completion(const CLI::App& app) {
    std::vector<std::string> names;
    std::string verbs;
    for (const CLI::App* verb : verbs_of(app)) {
        names.push_back(verb->get_name());
        verbs += completion_of(*verb);
    }
    // Where there's nothing to choose from and no option was begun, bash goes on with names of files.
    return R"(# Completes ffr's command lines in bash.
_ffr() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} choices="" options="--help --version"
  [ "$COMP_CWORD" -gt 1 ] || choices=")" +
           joined(names) + R"("
  case ${COMP_WORDS[1]} in
)" + verbs +
           R"(  esac
  [[ $word != -* ]] || choices=$options
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -o default -F _ffr ffr
)";
}
