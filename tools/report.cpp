// SPDX-License-Identifier: MIT
#include "report.h"

#include <algorithm>

namespace ipcdev {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t gap = 2; // spaces between columns
constexpr int json_indent = 2;

std::string name_of_server(__u32 server) {
    switch (server) {
    case IPCDEV_SERVER_MODULE:
        return "module";
    case IPCDEV_SERVER_CUSE:
        return "cuse";
    case IPCDEV_SERVER_FUSE:
        return "fuse";
    default:
        return "unknown (" + std::to_string(server) + ")";
    }
}

std::string name_of_mode(__u32 mode) {
    switch (mode) {
    case IPCDEV_MODE_FIFO:
        return "fifo";
    case IPCDEV_MODE_SLOT:
        return "slot";
    case IPCDEV_MODE_RING:
        return "ring";
    default:
        return "unknown (" + std::to_string(mode) + ")";
    }
}

std::string name_of_operation(__u32 operation) {
    switch (operation) {
    case IPCDEV_WAITER_READ:
        return "read";
    case IPCDEV_WAITER_WRITE:
        return "write";
    default:
        return "unknown (" + std::to_string(operation) + ")";
    }
}

Json names_of_capabilities(__u32 bits) {
    Json names = Json::array();
    for (unsigned bit = 0; bit < 32; ++bit) {
        switch (bits & (1U << bit)) {
        case 0:
            break;
        case IPCDEV_CAP_RESTART:
            names.push_back("restart");
            break;
        case IPCDEV_CAP_CHARDEV:
            names.push_back("chardev");
            break;
        case IPCDEV_CAP_UNSPLIT:
            names.push_back("unsplit");
            break;
        case IPCDEV_CAP_NOWAIT:
            names.push_back("nowait");
            break;
        case IPCDEV_CAP_KEPT:
            names.push_back("kept");
            break;
        default:
            names.push_back("bit" + std::to_string(bit));
        }
    }
    return names;
}

std::string text_of(const Field& field) {
    std::string text;
    if (field.value.is_string()) {
        text = field.value.get<std::string>();
    } else if (field.value.is_array()) {
        for (const Json& element : field.value) {
            text += (text.empty() ? "" : ",") + element.get<std::string>();
        }
        text = text.empty() ? "none" : text;
    } else {
        text = field.value.dump();
    }
    return field.unit.empty() ? text : text + " " + field.unit;
}

Json object_of(const Record& record) {
    Json object = Json::object();
    for (const Field& field : record) {
        object[field.name] = field.value;
    }
    return object;
}

// A path may be any bytes, and JSON is UTF-8.
std::string dump(const Json& json) {
    return json.dump(json_indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Aligns the columns, except for the last.
std::string aligned(const std::vector<std::vector<std::string>>& lines) {
    std::vector<std::size_t> widths;
    for (const auto& line : lines) {
        widths.resize(std::max(widths.size(), line.size()));
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], line[i].size());
        }
    }
    std::string text;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            const bool last = i + 1 == line.size();
            text += line[i] + (last ? "\n" : std::string(widths[i] + gap - line[i].size(), ' '));
        }
    }
    return text;
}

} // namespace

Record record_of(const std::string& path, const ipcdev_info& info) {
    return {{"device", path},
            {"server", name_of_server(info.server)},
            {"abi_version", info.abi_version},
            {"capabilities", names_of_capabilities(info.capabilities)},
            {"mode", name_of_mode(info.mode)},
            {"depth", info.depth, "messages"},
            {"max_message", info.max_message, "bytes"},
            {"queued_messages", info.queued_messages},
            {"queued_bytes", info.queued_bytes},
            {"begun_messages", info.begun_messages},
            {"parked_readers", info.parked_readers},
            {"parked_writers", info.parked_writers},
            {"opens", info.opens, "(with this one)"},
            {"generation", info.generation}};
}

Record record_of(const ipcdev_stats& stats) {
    return {{"messages_written", stats.messages_written},
            {"bytes_written", stats.bytes_written},
            {"messages_read", stats.messages_read},
            {"bytes_read", stats.bytes_read},
            {"messages_overwritten", stats.messages_overwritten},
            {"bytes_truncated", stats.bytes_truncated},
            {"messages_cleared", stats.messages_cleared},
            {"reader_parks", stats.reader_parks},
            {"writer_parks", stats.writer_parks},
            {"interrupted", stats.interrupted}};
}

Record record_of(const ipcdev_waiter& waiter, std::uint64_t now_ns) {
    constexpr std::uint64_t ns_per_ms = 1'000'000;
    const std::uint64_t parked_ns = now_ns - std::min<std::uint64_t>(now_ns, waiter.since_ns);
    return {{"pid", waiter.pid},
            {"operation", name_of_operation(waiter.operation)},
            {"bytes", waiter.bytes},
            {"parked_ms", parked_ns / ns_per_ms}};
}

std::string text_of(const Record& record) {
    std::vector<std::vector<std::string>> lines;
    for (const Field& field : record) {
        lines.push_back({field.name, text_of(field)});
    }
    return aligned(lines);
}

std::string json_of(const Record& record) {
    return dump(object_of(record));
}

std::string text_of(const std::vector<Record>& records) {
    std::vector<std::vector<std::string>> lines;
    for (const Record& record : records) {
        if (lines.empty()) {
            std::ranges::transform(record, std::back_inserter(lines.emplace_back()), &Field::name);
        }
        auto& line = lines.emplace_back();
        for (const Field& field : record) {
            line.push_back(text_of(field));
        }
    }
    return aligned(lines);
}

std::string json_of(const std::vector<Record>& records) {
    Json array = Json::array();
    std::ranges::transform(records, std::back_inserter(array), object_of);
    return dump(array);
}

} // namespace ipcdev
