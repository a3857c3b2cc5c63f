import { Socket } from 'node:net';
import process from 'node:process';

// The far end is open as long as the process is there that started the measurement.
new Socket({ fd: 4 }).resume().once('close', () => process.kill(process.pid, 'SIGKILL'));
