// SPDX-License-Identifier: MIT
//
// ipcdevctl: shows and changes the state of a device.
#include <cstdlib>
#include <exception>
#include <iostream>

#include "commands.h"
#include "failure.h"
#include "options.h"

int main(int argc, char** argv) {
    try {
        const std::string output = ipcdev::run_command(ipcdev::parse_options(argc, argv));
        if (!(std::cout << output << std::flush)) {
            throw ipcdev::Failure("can't write the output");
        }
        return EXIT_SUCCESS;
    } catch (const ipcdev::ParseEnd& end) {
        return end.exit_status;
    } catch (const std::exception& error) {
        std::cerr << "ipcdevctl: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
