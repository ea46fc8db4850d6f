// SPDX-License-Identifier: MIT
//
// The C structs get constructors, lists that can be iterated over and the members
// of ipcdev::Device. Each call holds the lock, which the mirror asserts.
#include "mirror_engine.h"

#include <iterator>

#include "machine_engine.h"

extern "C" {
#include "kmod/device.h"
}

namespace ipcdev::test {

namespace {

// The elements of a list_head whose hook is at that offset in them.
template <class T, std::size_t HookOffset> class ListView {
  public:
    class iterator {
      public:
        explicit iterator(const list_head* at) : at_(at) {}
        const T& operator*() const {
            return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(at_) - HookOffset);
        }
        iterator& operator++() {
            at_ = at_->next;
            return *this;
        }
        bool operator==(const iterator&) const = default;

      private:
        const list_head* at_;
    };

    explicit ListView(const list_head& head) : head_(&head) {}
    [[nodiscard]] iterator begin() const { return iterator(head_->next); }
    [[nodiscard]] iterator end() const { return iterator(head_); }

  private:
    const list_head* head_;
};

using RequestView = ListView<ipcdev_request, offsetof(ipcdev_request, hook)>;
using OpenReaderView = ListView<ipcdev_request, offsetof(ipcdev_request, open_hook)>;

template <class T> T* owner_of(ipcdev_link* link) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(link) - offsetof(T, link));
}

// The elements of a chain.
template <class T> class ChainView {
  public:
    class iterator {
      public:
        explicit iterator(ipcdev_link* at) : at_(at) {}
        const T& operator*() const { return *owner_of<T>(at_); }
        iterator& operator++() {
            at_ = at_->next;
            return *this;
        }
        bool operator==(const iterator&) const = default;

      private:
        ipcdev_link* at_;
    };

    explicit ChainView(const ipcdev_chain& chain) : first_(chain.first) {}
    [[nodiscard]] iterator begin() const { return iterator(first_); }
    [[nodiscard]] iterator end() const { return iterator(nullptr); }

  private:
    ipcdev_link* first_;
};

template <class T> class Drain {
  public:
    explicit Drain(ipcdev_chain& chain) : chain_(&chain) {}

    T* pop_front() {
        ipcdev_link* link = ipcdev_chain_pop(chain_);
        return link == nullptr ? nullptr : owner_of<T>(link);
    }

  private:
    ipcdev_chain* chain_;
};

struct MirrorMessage : ipcdev_message {
    explicit MirrorMessage(std::uint32_t bytes) { ipcdev_message_init(this, bytes); }
};

struct MirrorPiece : ipcdev_piece {
    MirrorPiece() : ipcdev_piece() { ipcdev_link_init(&link); }
};

struct MirrorAccount : ipcdev_account {
    MirrorAccount() : ipcdev_account() {}
};

struct MirrorOpen : ipcdev_open {
    MirrorOpen() { ipcdev_open_init(this); }
};

struct MirrorRequest : ipcdev_request {
    MirrorRequest() : ipcdev_request() {
        INIT_LIST_HEAD(&hook);
        INIT_LIST_HEAD(&open_hook);
        ipcdev_request_init(this);
    }

    std::size_t id = 0;
};

struct MirrorEffects : ipcdev_effects {
  private:
    struct Initialized {
        explicit Initialized(ipcdev_effects* effects) { ipcdev_effects_init(effects); }
    } initialized_{this};

  public:
    Drain<ipcdev_request> completed{ipcdev_effects::completed};
    Drain<ipcdev_message> retired_messages{ipcdev_effects::retired_messages};
    Drain<ipcdev_piece> retired_pieces{ipcdev_effects::retired_pieces};
};

class MirrorDevice {
    template <class Function, class... Arguments>
    auto locked(Function function, Arguments... arguments) const {
        struct Lock {
            explicit Lock(spinlock_t& lock) : lock_(lock) { spin_lock(&lock_); }
            Lock(const Lock&) = delete;
            Lock& operator=(const Lock&) = delete;
            ~Lock() { spin_unlock(&lock_); }
            spinlock_t& lock_;
        } const lock(device_.lock);
        return function(&device_, arguments...);
    }

  public:
    MirrorDevice(const Settings& settings, const Limits& limits) {
        const ipcdev_settings wanted{static_cast<std::uint32_t>(settings.mode), settings.depth,
                                     settings.max_message};
        ipcdev_device_init(&device_, &wanted);
        if (limits != Limits{}) { // else those that it has by itself
            device_.limits = {limits.operations, limits.per_user, limits.copies};
        }
    }
    MirrorDevice(const MirrorDevice&) = delete;
    MirrorDevice& operator=(const MirrorDevice&) = delete;
    ~MirrorDevice() = default;

    void open(MirrorOpen& open) { locked(ipcdev_device_open, &open); }
    void release(MirrorOpen& open, MirrorEffects& effects) {
        locked(ipcdev_device_release, &open, &effects);
    }
    void submit_write(MirrorRequest& request, MirrorEffects& effects) {
        locked(ipcdev_device_submit_write, &request, &effects);
    }
    void submit_read(MirrorRequest& request, MirrorEffects& effects) {
        locked(ipcdev_device_submit_read, &request, &effects);
    }
    bool cancel(MirrorRequest& request, int error, MirrorEffects& effects) {
        return locked(ipcdev_device_cancel, &request, -error, &effects);
    }
    void copy_done(MirrorRequest& request, MirrorEffects& effects) {
        locked(ipcdev_device_copy_done, &request, &effects);
    }
    void put_back(MirrorRequest& request, MirrorPiece& spare, MirrorEffects& effects) {
        if (request.batch) {
            ipcdev_chain_reverse(&request.pieces);
        }
        locked(ipcdev_device_put_back, &request, &spare, &effects);
    }
    int configure(const SettingsChange& change) {
        const ipcdev_settings_change wanted{change.mode, change.depth, change.max_message};
        return -locked(ipcdev_device_configure, &wanted);
    }
    void clear(MirrorEffects& effects) { locked(ipcdev_device_clear, &effects); }
    void go_on(MirrorEffects& effects) { locked(ipcdev_device_go_on, &effects); }
    [[nodiscard]] bool under_way() const { return device_.under_way; }

    [[nodiscard]] PollMask poll_mask(const MirrorOpen& open) const {
        const auto mask = locked(ipcdev_device_poll_mask, &open);
        return {.readable = mask.readable, .writable = mask.writable};
    }
    [[nodiscard]] Settings settings() const {
        const auto& now = device_.settings;
        return {.mode = static_cast<Mode>(now.mode),
                .depth = now.depth,
                .max_message = now.max_message};
    }
    [[nodiscard]] Gauges gauges() const {
        const auto& now = device_.gauges;
        return {.queued_messages = now.queued_messages,
                .queued_bytes = now.queued_bytes,
                .begun_messages = now.begun_messages,
                .parked_readers = now.parked_readers,
                .parked_writers = now.parked_writers,
                .opens = now.opens,
                .copies = now.copies};
    }
    [[nodiscard]] Statistics statistics() const {
        const auto& now = device_.statistics;
        return {.messages_written = now.messages_written,
                .bytes_written = now.bytes_written,
                .messages_read = now.messages_read,
                .bytes_read = now.bytes_read,
                .messages_overwritten = now.messages_overwritten,
                .bytes_truncated = now.bytes_truncated,
                .messages_cleared = now.messages_cleared,
                .reader_parks = now.reader_parks,
                .writer_parks = now.writer_parks,
                .interrupted = now.interrupted};
    }
    [[nodiscard]] auto readers() const { return RequestView(device_.readers); }
    [[nodiscard]] auto writers() const { return RequestView(device_.writers); }
    [[nodiscard]] auto queue() const { return ChainView<ipcdev_piece>(device_.queue); }
    [[nodiscard]] std::uint64_t cleared_through() const { return device_.cleared_through; }

  private:
    mutable ipcdev_device device_;
};

struct Mirror {
    using Account = MirrorAccount;
    using Message = MirrorMessage;
    using Piece = MirrorPiece;
    using Open = MirrorOpen;
    using Request = MirrorRequest;
    using Effects = MirrorEffects;
    using Device = MirrorDevice;

    static int error_of(const Request& request) { return -request.error; }
    static bool is_read(const Request& request) { return request.operation == IPCDEV_OP_READ; }
    static auto pieces_of(const Request& request) {
        return ChainView<ipcdev_piece>(request.pieces);
    }
    static auto begun_by(const Open& open) { return ChainView<ipcdev_piece>(open.begun); }
    static auto readers_of(const Open& open) { return OpenReaderView(open.readers); }
    static bool is_copying(const Request& request) { return request.state == IPCDEV_COPYING; }
};

} // namespace

std::unique_ptr<Engine> make_mirror_engine_in_steps(const Settings& settings, const Limits& limits,
                                                    std::uint32_t budget) {
    return std::make_unique<MachineEngine<Mirror>>(settings, limits, budget);
}

std::unique_ptr<Engine> make_mirror_engine(const Settings& settings, const Limits& limits) {
    return make_mirror_engine_in_steps(settings, limits, unlimited);
}

} // namespace ipcdev::test
