// SPDX-License-Identifier: Apache-2.0
import { missing } from '../lib/table.mjs';
export async function converter() { return [missing('converter', 'x')]; }
