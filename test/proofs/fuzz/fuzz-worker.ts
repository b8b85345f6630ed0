/** The process that runs cases of the parser fuzz. */
import { work } from './watch.ts';

work();
